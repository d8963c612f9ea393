/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what goes from one blade's journal to that of another on the same interface. */
#include <jansson.h>

#include "deploy/handover.h"
#include "tests/unit/toy_root.h"

struct pair {
	struct journal *mine, *theirs;
};

static struct journal *journal_at(const struct toy *t, const char *name)
{
	struct journal *j = NULL;
	struct error err = { 0 };
	int dirfd;

	toy_file(t, "", "%s/here", name);
	dirfd = openat(t->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dirfd >= 0);
	if (journal_open(dirfd, true, &j, &err) < 0)
		fail_msg("%s", err.msg);
	close(dirfd);
	return j;
}

static void begin(struct journal *j, const char *step, const char *record)
{
	json_t *r = json_loads(record, 0, NULL);
	struct error err = { 0 };

	assert_non_null(r);
	if (journal_begin(j, step, r, &err) < 0)
		fail_msg("%s", err.msg);
	json_decref(r);
}

static void is(const struct journal *j, const char *step, const char *record)
{
	json_t *wanted = json_loads(record, 0, NULL);
	char *found = json_dumps(journal_find(j, step), JSON_COMPACT);

	if (!json_equal(journal_find(j, step), wanted))
		fail_msg("%s: expected %s, found %s", step, record, found);
	free(found);
	json_decref(wanted);
}

static void hand_over(struct journal *mine, struct journal *theirs)
{
	struct error err = { 0 };

	if (handover_journals(mine, theirs, &err) < 0)
		fail_msg("%s", err.msg);
}

static struct pair pair_open(const struct toy *t)
{
	return (struct pair){ journal_at(t, "mine"), journal_at(t, "theirs") };
}

static void pair_close(struct pair *p)
{
	journal_close(p->mine);
	journal_close(p->theirs);
}

/* Theirs on the same interface is its server side's, and beside it on another. */
static void test_first(void **state)
{
	struct pair p = pair_open(*state);

	begin(p.mine, "nic-client-flags",
	      "{\"name\":\"a\",\"ifindex\":2,\"prior\":{\"allmulti\":false,\"up\":false}}");
	begin(p.mine, "nic-client-vlan",
	      "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":true}");
	begin(p.mine, "tc-nic",
	      "{\"nics\":[{\"name\":\"a\",\"ifindex\":2,\"qdisc\":null,\"filters\":[]}]}");
	begin(p.mine, "namespace", "{\"name\":\"mine\"}");
	begin(p.theirs, "nic-client-flags",
	      "{\"name\":\"b\",\"ifindex\":3,\"prior\":{}}");
	begin(p.theirs, "nic-server-flags",
	      "{\"name\":\"a\",\"ifindex\":2,\"prior\":{}}");
	begin(p.theirs, "nic-server-vlan",
	      "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":false}");
	begin(p.theirs, "tc-nic",
	      "{\"nics\":[{\"ifindex\":3,\"qdisc\":\"clsact\",\"filters\":[7]},"
	      "{\"ifindex\":2,\"qdisc\":\"clsact\",\"filters\":[8]}]}");
	begin(p.theirs, "namespace", "{\"name\":\"theirs\"}");
	for (int again = 0; again < 2; again++) {
		hand_over(p.mine, p.theirs);
		is(p.mine, "nic-client-flags",
		   "{\"name\":\"a\",\"ifindex\":2,\"prior\":{}}");
		is(p.mine, "nic-client-vlan",
		   "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":false}");
		is(p.theirs, "nic-client-flags",
		   "{\"name\":\"b\",\"ifindex\":3,\"prior\":{}}");
		is(p.theirs, "nic-server-flags",
		   "{\"name\":\"a\",\"ifindex\":2,\"prior\":{\"allmulti\":false,\"up\":"
		   "false}}");
		is(p.theirs, "nic-server-vlan",
		   "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":true}");
		is(p.theirs, "tc-nic",
		   "{\"nics\":[{\"ifindex\":3,\"qdisc\":\"clsact\",\"filters\":[7]},"
		   "{\"ifindex\":2,\"qdisc\":null,\"filters\":[8]}]}");
		is(p.theirs, "namespace", "{\"name\":\"theirs\"}");
		/* On disk too, and in force for whoever reads it. */
		pair_close(&p);
		p = pair_open(*state);
	}
	pair_close(&p);
}

/* Whoever came later has nothing to hand over. */
static void test_later(void **state)
{
	struct pair p = pair_open(*state);

	begin(p.mine, "nic-client-flags", "{\"name\":\"a\",\"ifindex\":2,\"prior\":{}}");
	begin(p.mine, "nic-client-vlan",
	      "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":false}");
	begin(p.mine, "tc-nic",
	      "{\"nics\":[{\"ifindex\":2,\"qdisc\":\"clsact\",\"filters\":[]}]}");
	begin(p.theirs, "nic-client-flags",
	      "{\"name\":\"a\",\"ifindex\":2,\"prior\":{\"allmulti\":false}}");
	begin(p.theirs, "nic-client-vlan",
	      "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":true}");
	begin(p.theirs, "tc-nic",
	      "{\"nics\":[{\"ifindex\":2,\"qdisc\":null,\"filters\":[]}]}");
	hand_over(p.mine, p.theirs);
	is(p.mine, "nic-client-flags", "{\"name\":\"a\",\"ifindex\":2,\"prior\":{}}");
	is(p.theirs, "nic-client-flags",
	   "{\"name\":\"a\",\"ifindex\":2,\"prior\":{\"allmulti\":false}}");
	is(p.theirs, "nic-client-vlan",
	   "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":true}");
	is(p.theirs, "tc-nic",
	   "{\"nics\":[{\"ifindex\":2,\"qdisc\":null,\"filters\":[]}]}");
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TOY_TEST(test_first), TOY_TEST(test_later) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
