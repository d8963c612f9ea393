/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what goes from one blade's journal to that of another on the same interface. */
#include <jansson.h>

#include "deploy/handover.h"
#include "tests/unit/toy_root.h"

struct pair {
	struct journal *mine, *theirs;
};

/* A step in one of the two journals, before and after the handover. */
struct row {
	bool theirs;
	const char *step, *before, *after; /* after NULL: the same */
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

static struct pair pair_open(const struct toy *t)
{
	return (struct pair){ journal_at(t, "mine"), journal_at(t, "theirs") };
}

static void pair_close(struct pair *p)
{
	journal_close(p->mine);
	journal_close(p->theirs);
}

static void begin(const struct pair *p, const struct row *row)
{
	json_t *r = json_loads(row->before, 0, NULL);
	struct error err = { 0 };

	assert_non_null(r);
	if (journal_begin(row->theirs ? p->theirs : p->mine, row->step, r, &err) < 0)
		fail_msg("%s", err.msg);
	json_decref(r);
}

static void is_after(const struct pair *p, const struct row *row)
{
	const json_t *is = journal_find(row->theirs ? p->theirs : p->mine, row->step);
	json_t *wanted = json_loads(row->after ? row->after : row->before, 0, NULL);
	char *found = json_dumps(is, JSON_COMPACT);

	if (!json_equal(is, wanted))
		fail_msg("%s %s: expected %s, found %s", row->theirs ? "their" : "my",
			 row->step, row->after ? row->after : row->before, found);
	free(found);
	json_decref(wanted);
}

/* Once, and once more: then nothing is left to move. */
static void hand_over(const struct toy *t, const struct row *row, size_t n)
{
	struct pair p = pair_open(t);
	struct error err = { 0 };

	for (size_t i = 0; i < n; i++)
		begin(&p, &row[i]);
	for (int again = 0; again < 2; again++) {
		if (handover_journals(p.mine, p.theirs, &err) < 0)
			fail_msg("%s", err.msg);
		for (size_t i = 0; i < n; i++)
			is_after(&p, &row[i]);
		/* On disk too, and in force for whoever reads it. */
		pair_close(&p);
		p = pair_open(t);
	}
	for (size_t i = 0; i < n; i++)
		is_after(&p, &row[i]);
	pair_close(&p);
}

/* Theirs on the same interface is its server side's, and beside it on another. */
static const struct row first[] = {
	{ false, "nic-client-flags",
	  "{\"name\":\"a\",\"ifindex\":2,\"prior\":{\"allmulti\":false,\"up\":false}}",
	  "{\"name\":\"a\",\"ifindex\":2,\"prior\":{}}" },
	{ false, "nic-client-vlan", "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":true}",
	  "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":false}" },
	{ false, "tc-nic",
	  "{\"nics\":[{\"name\":\"a\",\"ifindex\":2,\"qdisc\":null,\"filters\":[]}]}",
	  NULL },
	{ false, "namespace", "{\"name\":\"mine\"}", NULL },
	{ true, "nic-client-flags", "{\"name\":\"b\",\"ifindex\":3,\"prior\":{}}", NULL },
	{ true, "nic-server-flags", "{\"name\":\"a\",\"ifindex\":2,\"prior\":{}}",
	  "{\"name\":\"a\",\"ifindex\":2,\"prior\":{\"allmulti\":false,\"up\":false}}" },
	{ true, "nic-server-vlan", "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":false}",
	  "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":true}" },
	{ true, "tc-nic",
	  "{\"nics\":[{\"ifindex\":3,\"qdisc\":\"clsact\",\"filters\":[7]},"
	  "{\"ifindex\":2,\"qdisc\":\"clsact\",\"filters\":[8]}]}",
	  "{\"nics\":[{\"ifindex\":3,\"qdisc\":\"clsact\",\"filters\":[7]},"
	  "{\"ifindex\":2,\"qdisc\":null,\"filters\":[8]}]}" },
	{ true, "namespace", "{\"name\":\"theirs\"}", NULL },
};

/* What a dry run would tell of it. */
static const char foreseen[] =
	"[{\"step\":\"nic-client-flags\",\"interface\":\"a\",\"prior\":{\"allmulti\":false,"
	"\"up\":false},\"blade\":\"pep1\",\"its_step\":\"nic-server-flags\"},"
	"{\"step\":\"nic-client-vlan\",\"interface\":\"a\",\"prior\":{\"rx-vlan-filter\":"
	"true},\"blade\":\"pep1\",\"its_step\":\"nic-server-vlan\"},"
	"{\"step\":\"tc-nic\",\"interface\":\"a\",\"prior\":{\"clsact\":false},"
	"\"blade\":\"pep1\",\"its_step\":\"tc-nic\"}]";

/* Whoever came later has nothing to hand over. */
static const struct row later[] = {
	{ false, "nic-client-flags", "{\"name\":\"a\",\"ifindex\":2,\"prior\":{}}",
	  NULL },
	{ false, "nic-client-vlan", "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":false}",
	  NULL },
	{ false, "tc-nic",
	  "{\"nics\":[{\"ifindex\":2,\"qdisc\":\"clsact\",\"filters\":[]}]}", NULL },
	{ true, "nic-client-flags",
	  "{\"name\":\"a\",\"ifindex\":2,\"prior\":{\"allmulti\":false}}", NULL },
	{ true, "nic-client-vlan", "{\"name\":\"a\",\"ifindex\":2,\"turned_off\":true}",
	  NULL },
	{ true, "tc-nic", "{\"nics\":[{\"ifindex\":2,\"qdisc\":null,\"filters\":[]}]}",
	  NULL },
};

static void test_first(void **state)
{
	hand_over(*state, first, sizeof(first) / sizeof(first[0]));
}

static void test_later(void **state)
{
	hand_over(*state, later, sizeof(later) / sizeof(later[0]));
}

/* In memory it is as it would be, on disk as it was; and nothing is foreseen twice. */
static void test_foresee(void **state)
{
	struct pair p = pair_open(*state);
	json_t *wanted = json_loads(foreseen, 0, NULL), *list = json_array();
	size_t n = sizeof(first) / sizeof(first[0]);

	for (size_t i = 0; i < n; i++)
		begin(&p, &first[i]);
	for (int again = 0; again < 2; again++) {
		handover_foresee_journals(p.mine, p.theirs, "pep1", list);
		assert_true(json_equal(list, wanted));
	}
	for (size_t i = 0; i < n; i++)
		is_after(&p, &first[i]);
	pair_close(&p);
	p = pair_open(*state);
	for (size_t i = 0; i < n; i++) {
		struct row row = { first[i].theirs, first[i].step, first[i].before,
				   NULL };

		is_after(&p, &row);
	}
	pair_close(&p);
	json_decref(list);
	json_decref(wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TOY_TEST(test_first), TOY_TEST(test_later),
					    TOY_TEST(test_foresee) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
