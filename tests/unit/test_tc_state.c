/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns proving tc's probes, its undo, and its respect for other people's filters. */
#include <time.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "tc/reset.h"
#include "tests/unit/tc_bench.h"

static void test_undo_leaves_nothing(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200);
	char *before;
	json_t *record;

	NEEDS(p.datapath);
	before = nic_snapshot();
	record = up(&p);
	undo(record);
	assert_nic_is(before);
	undo(record);
	assert_nic_is(before);
	assert_states(&p, STEP_PRESENT, STEP_PRESENT, STEP_ABSENT, "no ");
	json_decref(record);
	free(before);
}

static void test_again_changes_nothing(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200);
	char *before;

	NEEDS(p.datapath);
	json_decref(up(&p));
	before = nic_snapshot(); /* holds the program's id, which a new load would change
				  */
	json_decref(up(&p));
	assert_nic_is(before);
	free(before);
}

static void foreign(const char *qdisc, const char *hook)
{
	sh("tc qdisc add dev nic0 %s", qdisc);
	sh("tc filter add dev nic0 %s pref 7 protocol ip u32 match ip dport 9 0xffff"
	   " classid 1:1",
	   hook);
}

static void test_foreign_survives(void **state)
{
	static const char *const cases[][2] = { { "clsact", "ingress" },
						{ "clsact", "egress" },
						{ "ingress", "ingress" } };
	struct tc_plan p = plan(datapath_of(state), 100, 200);

	NEEDS(p.datapath);
	for (int i = 0; i < 3; i++) {
		char *before;
		json_t *record;

		foreign(cases[i][0], cases[i][1]);
		before = nic_snapshot();
		record = up(&p);
		ASSERT_PRESENT(&p);
		undo(record);
		assert_nic_is(before);
		json_decref(record);
		free(before);
		sh("tc qdisc del dev nic0 %s", cases[i][0]);
	}
}

/* A filter that came after us keeps our qdisc alive. */
static void test_foreign_came_later(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200);
	json_t *record;

	NEEDS(p.datapath);
	record = up(&p);
	sh("tc filter add dev nic0 egress pref 7 protocol ip u32 match ip dport 9 0xffff"
	   " classid 1:1");
	undo(record);
	sh("tc qdisc show dev nic0 | grep -q clsact");
	sh("tc filter show dev nic0 egress | grep -q u32");
	sh("test -z \"$(tc filter show dev nic0 ingress)\"");
	json_decref(record);
}

static void test_pref_taken(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200);
	unsigned int pref = p.datapath == TC_DATAPATH_BPF ? 40 : 41;
	struct error err = { 0 };
	json_t *record = NULL;
	char *before;

	NEEDS(p.datapath);
	sh("tc qdisc add dev nic0 clsact");
	sh("tc filter add dev nic0 ingress pref %u protocol ip u32 match ip dport 9 0xffff"
	   " classid 1:1",
	   pref);
	before = nic_snapshot();
	assert_int_equal(tc_nic_record(&p, &record, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "not hapep's (kind u32)"));
	assert_int_equal(tc_nic_apply(&p, &err), -EEXIST);
	assert_nic_is(before);
	free(before);
}

static void test_another_blade(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200), other = p;
	struct error err = { 0 };
	json_t *record = NULL;

	NEEDS(p.datapath);
	json_decref(up(&p));
	snprintf(other.side[0].host, IFNAMSIZ, "host1");
	snprintf(other.side[1].host, IFNAMSIZ, "host0");
	assert_int_equal(tc_nic_record(&other, &record, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "another blade"));
}

/* The client side's program of tc/reset alone, with a map of its own. */
static void ends_of_own_map(const struct tc_plan *p)
{
	struct error err = { 0 };
	_cleanup_close_ int netns = namespace_open(p->netns, &err);
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct ends ends = { .n = 0 };

	assert_int_equal(netlink_open(netns, &nl, &err), 0);
	reset_add(0, "client", netlink_ifindex(nl, "client", &err),
		  &(const struct ports){ .n = 0 }, &ends);
	assert_int_equal(ends_apply(nl, &ends, &err), 0);
}

/* Two that each have a map of their own are no pair. */
static void test_reset_shares_a_map(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200), without = p;
	_cleanup_text_ struct text detail = { 0 };
	struct error err = { 0 };
	enum step_state found;

	NEEDS(p.datapath);
	json_decref(up(&p));
	/* Not in this plan, so that apply leaves the other one's map alone. */
	without.reset = false;
	sh("tc -n " NETNS " filter del dev client egress pref 40");
	assert_int_equal(tc_inner_apply(&without, &err), 0);
	sh("test -z \"$(tc -n " NETNS " filter show dev client egress pref 40)\"");
	ends_of_own_map(&p);
	assert_int_equal(tc_inner_probe(&p, &found, &detail, &err), 0);
	assert_int_equal(found, STEP_DIFFERS);
	assert_non_null(strstr(detail.text, "does not share the map"));
	assert_int_equal(tc_inner_apply(&p, &err), 0);
	ASSERT_PRESENT(&p);
}

/* Undone by its record, the step leaves nothing in the namespace, egress included. */
static void test_undo_of_inner(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200);
	struct error err = { 0 };
	json_t *record = NULL;

	NEEDS(p.datapath);
	assert_int_equal(tc_inner_record(&p, &record, &err), 0);
	json_decref(up(&p));
	undo(record);
	sh("for d in client server; do"
	   " ! tc -n " NETNS " qdisc show dev $d | grep clsact || exit 1; done");
	json_decref(record);
}

/* What a hand deletes or alters is seen, and put right by apply. */
static void test_tampering(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200), turned = p;
	struct error err = { 0 };

	NEEDS(p.datapath);
	json_decref(up(&p));
	sh("tc qdisc del dev nic0 clsact");
	assert_states(&p, STEP_PRESENT, STEP_PRESENT, STEP_ABSENT, "no ");
	snprintf(turned.side[0].host, IFNAMSIZ, "host1");
	snprintf(turned.side[1].host, IFNAMSIZ, "host0");
	assert_int_equal(tc_nic_apply(&turned, &err), 0);
	assert_states(&p, STEP_PRESENT, STEP_PRESENT, STEP_DIFFERS, NULL);
	assert_int_equal(tc_nic_apply(&p, &err), 0);
	ASSERT_PRESENT(&p);
	sh("tc filter del dev host1 ingress");
	assert_states(&p, STEP_PRESENT, STEP_DIFFERS, STEP_PRESENT, "host1");
	sh("tc -n " NETNS " filter del dev server ingress pref 50");
	assert_states(&p, STEP_DIFFERS, STEP_DIFFERS, STEP_PRESENT, "server");
	assert_int_equal(tc_host_apply(&p, &err), 0);
	assert_int_equal(tc_inner_apply(&p, &err), 0);
	ASSERT_PRESENT(&p);
	sh("tc -n " NETNS " filter del dev server ingress pref 45");
	assert_states(&p, STEP_DIFFERS, STEP_PRESENT, STEP_PRESENT, "pref 45");
	assert_int_equal(tc_inner_apply(&p, &err), 0);
	ASSERT_PRESENT(&p);
	sh("tc -n " NETNS " filter del dev client egress pref 40");
	assert_int_equal(tc_inner_apply(&p, &err), 0);
	ASSERT_PRESENT(&p);
	p.mark_local = 4; /* other constants than those loaded */
	assert_states(&p, STEP_DIFFERS, STEP_PRESENT, STEP_PRESENT, "constants");
}

static void test_nic_renamed_or_gone(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200);
	json_t *record;

	NEEDS(p.datapath);
	record = up(&p);
	sh("ip link set nic0 down && ip link set nic0 name renamed");
	undo(record);
	sh("test -z \"$(tc filter show dev renamed ingress)\"");
	sh("! tc qdisc show dev renamed | grep -q clsact");
	sh("ip link set renamed name nic0 && ip link set nic0 up");
	json_decref(record);
	record = up(&p);
	sh("ip link del nic0");
	undo(record);
	assert_states(&p, STEP_PRESENT, STEP_ABSENT, STEP_ABSENT, "no interface 'nic0'");
	json_decref(record);
}

/* Undo knows every partial state: one filter gone, the qdisc gone, nothing made yet. */
static void test_undo_of_parts(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200);
	struct error err = { 0 };
	json_t *record = NULL;
	char *before;

	NEEDS(p.datapath);
	before = nic_snapshot();
	assert_int_equal(tc_nic_record(&p, &record, &err), 0);
	undo(record);
	assert_nic_is(before);
	sh("tc qdisc add dev nic0 clsact");
	undo(record);
	assert_nic_is(before);
	json_decref(up(&p));
	sh("tc qdisc del dev nic0 clsact");
	undo(record);
	assert_nic_is(before);
	json_decref(up(&p));
	sh("tc filter del dev nic0 ingress");
	undo(record);
	assert_nic_is(before);
	json_decref(record);
	free(before);
}

/* The lines of a dry run make the same as apply does, but for tc/steer. */
static void test_described_lines(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 0);
	_cleanup_text_ struct text lines = { 0 };

	NEEDS(p.datapath);
	tc_inner_describe(&p, &lines);
	tc_host_describe(&p, &lines);
	tc_nic_describe(&p, &lines);
	assert_int_equal(system(lines.text), 0);
	if (p.datapath == TC_DATAPATH_MIRRED)
		assert_states(&p, STEP_DIFFERS, STEP_PRESENT, STEP_PRESENT, "bpf filter");
	else
		assert_states(&p, STEP_ABSENT, STEP_ABSENT, STEP_ABSENT, NULL);
}

static void test_missing_namespace(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200);
	struct error err = { 0 };

	NEEDS(p.datapath);
	snprintf(p.netns, sizeof(p.netns), "nonesuch");
	assert_int_equal(tc_inner_apply(&p, &err), -ENOENT);
	assert_states(&p, STEP_ABSENT, STEP_ABSENT, STEP_ABSENT, NULL);
}

/* Never leaves the caller's namespace, and is quick with bpf. */
static void test_check(void **state)
{
	char before[64] = "", after[64] = "";
	struct timespec from, to;
	struct error err = { 0 };
	int r;

	if (geteuid())
		skip();
	assert_true(readlink("/proc/thread-self/ns/net", before, 63) > 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	r = tc_datapath_check(datapath_of(state), &err);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true(readlink("/proc/thread-self/ns/net", after, 63) > 0);
	assert_string_equal(before, after);
	print_message("datapath %s: %s, %.1f ms\n", tc_datapath_name(datapath_of(state)),
		      r ? err.msg : "there",
		      (double)(to.tv_sec - from.tv_sec) * 1e3 +
			      (double)(to.tv_nsec - from.tv_nsec) / 1e6);
	assert_true(!r || r == -EOPNOTSUPP);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		BOTH(test_undo_leaves_nothing),
		BOTH(test_again_changes_nothing),
		BOTH(test_foreign_survives),
		BOTH(test_foreign_came_later),
		BOTH(test_pref_taken),
		BOTH(test_another_blade),
		BOTH(test_tampering),
		BOTH(test_reset_shares_a_map),
		BOTH(test_undo_of_inner),
		BOTH(test_nic_renamed_or_gone),
		BOTH(test_undo_of_parts),
		BOTH(test_described_lines),
		BOTH(test_missing_namespace),
		BOTH(test_check),
	};
	/* clang-format on */

	bench_choose();
	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
