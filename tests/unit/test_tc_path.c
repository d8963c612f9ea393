/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns proving tc's parts on veth pairs: the way of frames, probes, undo, foreign
 * filters. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "helpers/error.h"
#include "helpers/namespace.h"
#include "tc/tc.h"

#define NETNS   "tcpath"
#define MAC     "02:00:00:00:00:51" /* the NIC's, taken by the inner ends */
#define WAIT_MS 5000                /* for an answer that must come */

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
			     .mark_local = 2 };

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

	if (tc_nic_undo(record, &err) < 0)
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

/* ---- frames ---- */

static int packet_socket(int nsfd, const char *dev)
{
	struct sockaddr_ll name = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL) };
	struct error err = { 0 };
	int fd = namespace_socket(nsfd, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL), &err);
	int one = 1;

	name.sll_ifindex = (int)if_nametoindex(dev);
	assert_true(fd >= 0 && name.sll_ifindex > 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)),
			 0);
	return fd;
}

/* "Who has 10.9.NET.2? Tell 10.9.NET.1", with a tag where tpid is not 0. */
static size_t arp_request(unsigned char *out, int net, unsigned int tpid,
			  unsigned int tci)
{
	const unsigned char head[12] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1 };
	const unsigned char tag[4] = { tpid >> 8 & 255, tpid & 255, tci >> 8 & 255,
				       tci & 255 };
	const unsigned char body[30] = { 8,
					 6,
					 0,
					 1,
					 8,
					 0,
					 6,
					 4,
					 0,
					 1,
					 2,
					 0,
					 0,
					 0,
					 0,
					 1,
					 10,
					 9,
					 (unsigned char)net,
					 1,
					 0,
					 0,
					 0,
					 0,
					 0,
					 0,
					 10,
					 9,
					 (unsigned char)net,
					 2 };
	size_t n = sizeof(head);

	memset(out, 0, 64);
	memcpy(out, head, sizeof(head));
	if (tpid) {
		memcpy(out + n, tag, sizeof(tag));
		n += sizeof(tag);
	}
	memcpy(out + n, body, sizeof(body));
	return 64;
}

/* The TCI of the tag that the frame came with, -1: none. */
static int frame_tci(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			return aux.tp_vlan_tci;
	}
	return -1;
}

/* Waits for an answer from 10.9.NET.2 (-1: any). Its TCI; -1: untagged; -2: none. */
static int arp_reply(int fd, int net)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned char frame[2048];
	char control[256];

	while (poll(&p, 1, WAIT_MS) > 0) {
		struct iovec v = { frame, sizeof(frame) };
		struct msghdr m = { .msg_iov = &v,
				    .msg_iovlen = 1,
				    .msg_control = control,
				    .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(fd, &m, 0);

		if (n >= 42 && frame[12] == 8 && frame[13] == 6 && frame[21] == 2 &&
		    (net < 0 || frame[30] == net))
			return frame_tci(&m);
	}
	return -2;
}

static int ask(int wire, int net, unsigned int tpid, unsigned int tci)
{
	unsigned char frame[64];
	size_t n = arp_request(frame, net, tpid, tci);

	assert_int_equal(send(wire, frame, n, 0), n);
	return arp_reply(wire, net);
}

/* Not answered before a later question, that of the server's side on VLAN 200. */
static void assert_unheard(int wire, unsigned int tpid, unsigned int tci)
{
	unsigned char frame[64];
	size_t n = arp_request(frame, 0, tpid, tci);

	assert_int_equal(send(wire, frame, n, 0), n);
	n = arp_request(frame, 1, ETH_P_8021Q, 200);
	assert_int_equal(send(wire, frame, n, 0), n);
	assert_int_equal(arp_reply(wire, -1), 200);
}

/* ---- tests, each for either datapath ---- */

#define NEEDS(d)                                                                         \
	do {                                                                             \
		if (bench_skip[d][0]) {                                                  \
			print_message("skip: %s\n", bench_skip[d]);                      \
			skip();                                                          \
		}                                                                        \
	} while (0)

static void test_tagged(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200);
	int wire;

	NEEDS(p.datapath);
	json_decref(up(&p));
	ASSERT_PRESENT(&p);
	wire = packet_socket(-1, "wire0");
	assert_int_equal(ask(wire, 0, ETH_P_8021Q, 100), 100);
	assert_int_equal(ask(wire, 1, ETH_P_8021Q, 200), 200);
	/* The priority bits end at the router, as on a VLAN interface. */
	assert_int_equal(ask(wire, 0, ETH_P_8021Q, 100 | 5 << 13), 100);
	assert_unheard(wire, ETH_P_8021Q, 300);
	assert_unheard(wire, ETH_P_8021AD, 100);
	assert_unheard(wire, 0, 0);
	close(wire);
}

static void test_untagged(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 0, 200);
	int wire;

	NEEDS(p.datapath);
	json_decref(up(&p));
	ASSERT_PRESENT(&p);
	wire = packet_socket(-1, "wire0");
	assert_int_equal(ask(wire, 0, 0, 0), -1);
	assert_int_equal(ask(wire, 0, ETH_P_8021Q, 5 << 13), -1); /* a priority tag */
	assert_int_equal(ask(wire, 1, ETH_P_8021Q, 200), 200);
	assert_unheard(wire, ETH_P_8021Q, 300);
	assert_unheard(wire, ETH_P_8021AD, 100);
	close(wire);
}

static void test_two_nics(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 0, 0);
	json_t *record;
	char *before;
	int wire[2];

	NEEDS(p.datapath);
	snprintf(p.side[1].nic, sizeof(p.side[1].nic), "nic1");
	before = nic_snapshot();
	record = up(&p);
	ASSERT_PRESENT(&p);
	for (int i = 0; i < 2; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "wire%d", i);
		wire[i] = packet_socket(-1, name);
		assert_int_equal(ask(wire[i], i, 0, 0), -1);
		close(wire[i]);
	}
	undo(record);
	assert_nic_is(before);
	json_decref(record);
	free(before);
}

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
		int wire;

		foreign(cases[i][0], cases[i][1]);
		before = nic_snapshot();
		record = up(&p);
		ASSERT_PRESENT(&p);
		wire = packet_socket(-1, "wire0");
		assert_int_equal(ask(wire, 0, ETH_P_8021Q, 100), 100);
		close(wire);
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

static enum tc_datapath mirred = TC_DATAPATH_MIRRED, bpf = TC_DATAPATH_BPF;

#define ON(test, datapath)                                                               \
	{                                                                                \
#test " (" #datapath ")", test, devices_setup, devices_down, &(datapath) \
	}
#define BOTH(test) ON(test, bpf), ON(test, mirred)

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		BOTH(test_check),
		BOTH(test_tagged),
		BOTH(test_untagged),
		BOTH(test_two_nics),
		BOTH(test_undo_leaves_nothing),
		BOTH(test_again_changes_nothing),
		BOTH(test_foreign_survives),
		BOTH(test_foreign_came_later),
		BOTH(test_pref_taken),
		BOTH(test_another_blade),
		BOTH(test_tampering),
		BOTH(test_nic_renamed_or_gone),
		BOTH(test_undo_of_parts),
		BOTH(test_described_lines),
		BOTH(test_missing_namespace),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
