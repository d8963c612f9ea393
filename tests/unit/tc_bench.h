/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices and words that the tests of tc share; each test has a copy of its own. */
#ifndef TESTS_UNIT_TC_BENCH_H
#define TESTS_UNIT_TC_BENCH_H

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "helpers/error.h"
#include "tc/tc.h"

#define NETNS "tcpath"
#define MAC   "02:00:00:00:00:51" /* the NIC's, taken by the inner ends */

static char bench_skip[TC_DATAPATH_BPF + 1][256]; /* why a datapath cannot run here */

__attribute__((format(printf, 1, 2))) static void sh(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (system(line))
		fail_msg("%s", line);
}

/* What tc itself sees on the NIC: qdisc, filters of both hooks. The caller's: free. */
static char *nic_snapshot(void)
{
	FILE *f = popen("for d in nic0 nic1; do tc qdisc show dev $d;"
			" tc filter show dev $d ingress; tc filter show dev $d egress;"
			" done 2>&1 | sed 's/ refcnt.*//'",
			"r");
	char *text = calloc(1, 16384);
	size_t n = fread(text, 1, 16383, f);

	text[n] = '\0';
	pclose(f);
	return text;
}

static void assert_nic_is(const char *before)
{
	char *now = nic_snapshot();

	assert_string_equal(now, before);
	free(now);
}

/* nic0 and nic1 are the NICs, wire0 and wire1 their other ends. */
static void devices_up(void)
{
	for (int i = 0; i < 2; i++) {
		sh("ip link add nic%d address " MAC " type veth peer name wire%d", i, i);
		sh("ip link set nic%d up && ip link set wire%d up", i, i);
	}
	sh("ip netns add " NETNS);
	for (int i = 0; i < 2; i++) {
		const char *inner = i ? "server" : "client";

		sh("ip link add host%d type veth peer name %s netns " NETNS
		   " address " MAC,
		   i, inner);
		sh("ip link set host%d up && ip -n " NETNS " link set %s up", i, inner);
		sh("ip -n " NETNS " addr add 10.9.%d.2/24 dev %s", i, inner);
	}
}

static enum tc_datapath datapath_of(void **state)
{
	return *(const enum tc_datapath *)*state;
}

static int devices_down(void **state)
{
	if (!bench_skip[datapath_of(state)][0])
		sh("ip link del nic0 2>/dev/null; ip link del nic1 2>/dev/null;"
		   "ip link del host0; ip link del host1; ip netns del " NETNS);
	return 0;
}

static int devices_setup(void **state)
{
	if (!bench_skip[datapath_of(state)][0])
		devices_up();
	return 0;
}

static struct tc_plan plan(enum tc_datapath d, unsigned int client, unsigned int server)
{
	struct tc_plan p = { .netns = NETNS,
			     .datapath = d,
			     .side = { { "nic0", "host0", "client", client },
				       { "nic0", "host1", "server", server } },
			     .mark_server = 1,
			     .mark_local = 2,
			     .reset = true };

	return p;
}

static json_t *up(const struct tc_plan *p)
{
	struct error err = { 0 };
	json_t *record = NULL;

	if (tc_nic_record(p, &record, &err) < 0 || tc_inner_apply(p, &err) < 0 ||
	    tc_host_apply(p, &err) < 0 || tc_nic_apply(p, &err) < 0)
		fail_msg("%s", err.msg);
	return record;
}

static void undo(json_t *record)
{
	struct error err = { 0 };

	if (tc_undo(record, &err) < 0)
		fail_msg("%s", err.msg);
}

/* Each part's state; the NIC's detail must hold `says`. */
static void assert_states(const struct tc_plan *p, enum step_state inner,
			  enum step_state host, enum step_state nic, const char *says)
{
	_cleanup_text_ struct text detail = { 0 };
	struct error err = { 0 };
	enum step_state state;

	assert_int_equal(tc_inner_probe(p, &state, &detail, &err), 0);
	assert_int_equal(state, inner);
	assert_int_equal(tc_host_probe(p, &state, &detail, &err), 0);
	assert_int_equal(state, host);
	assert_int_equal(tc_nic_probe(p, &state, &detail, &err), 0);
	assert_int_equal(state, nic);
	if (says && (!detail.text || !strstr(detail.text, says)))
		fail_msg("'%s' does not say '%s'", detail.text, says);
}

#define ASSERT_PRESENT(p)                                                                \
	assert_states((p), STEP_PRESENT, STEP_PRESENT, STEP_PRESENT, NULL)

#define NEEDS(d)                                                                         \
	do {                                                                             \
		if (bench_skip[d][0]) {                                                  \
			print_message("skip: %s\n", bench_skip[d]);                      \
			skip();                                                          \
		}                                                                        \
	} while (0)

static int bench_setup(void **state)
{
	(void)state;
	if (geteuid() || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("", "/", "", MS_REC | MS_PRIVATE, NULL) < 0) {
		for (int d = TC_DATAPATH_MIRRED; d <= TC_DATAPATH_BPF; d++)
			snprintf(bench_skip[d], sizeof(bench_skip[d]),
				 "needs root: makes namespaces and network devices");
		return 0;
	}
	for (int d = TC_DATAPATH_MIRRED; d <= TC_DATAPATH_BPF; d++) {
		struct error err = { 0 };

		if (tc_datapath_check((enum tc_datapath)d, &err) < 0)
			snprintf(bench_skip[d], sizeof(bench_skip[d]), "%.250s", err.msg);
	}
	/* Our own /run: the namespace's name stays ours, and goes with us. */
	assert_int_equal(mount("run", "/run", "tmpfs", 0, NULL), 0);
	sh("ip link set lo up");
	return 0;
}

/* TEST_ONLY: a pattern of names, such as "*(mirred)". */
static inline void bench_choose(void)
{
	const char *only = getenv("TEST_ONLY");

	if (only)
		cmocka_set_test_filter(only);
}

static enum tc_datapath mirred = TC_DATAPATH_MIRRED, bpf = TC_DATAPATH_BPF;

#define ON(test, datapath)                                                               \
	{                                                                                \
#test " (" #datapath ")", test, devices_setup, devices_down, &(datapath) \
	}
#define BOTH(test) ON(test, bpf), ON(test, mirred)

#endif
