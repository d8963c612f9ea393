/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tc/steer with a gate, loaded for both sides, and single packets through it by test run:
 * against real sockets in a network namespace of the test's own. */
#ifndef TESTS_UNIT_GATE_BENCH_H
#define TESTS_UNIT_GATE_BENCH_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "helpers/error.h"
#include "tc/gate.h"
#include "tc/program.h"
#include "tests/unit/icmp_packet.h"

enum { SIDE_MARK = 0x1, LOCAL_MARK = 0x2, PASS_MARK = 0x4, FOREIGN_MARK = 0x40 };
enum { SYN = 0x02, RST = 0x04, ACK = 0x10, SYN_ACK = 0x12, FIN_ACK = 0x11 };
enum { STRANGER = 9 }; /* a port that nobody connects from */
enum { MAPPED = 7 };   /* one of the service that nobody listens on */

struct loaded {
	int program, order, counters;
};

static struct {
	struct loaded client, server, closed, none;
	struct flow v4, v6, waiting, leaving; /* local: who connected */
	uint16_t port, port6;
	int listener;
} bench;

static void tcp(struct packet *p, uint16_t from, uint16_t to, uint8_t flags)
{
	struct tcphdr t = { .source = htons(from), .dest = htons(to), .doff = 5 };

	((unsigned char *)&t)[13] = flags;
	packet_add(p, &t, sizeof(t));
}

static struct packet segment(int family, uint16_t from, uint16_t to, uint8_t flags)
{
	struct packet p = { .length = 0 };

	packet_ethernet(&p, family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
	if (family == AF_INET)
		packet_ipv4(&p, IPPROTO_TCP, INADDR_LOOPBACK, INADDR_LOOPBACK, 0);
	else
		packet_ipv6(&p, IPPROTO_TCP);
	tcp(&p, from, to, flags);
	return p;
}

/* Nanoseconds a run where repeat is more than one. */
static uint32_t run(const struct loaded *l, const struct packet *p, unsigned int repeat,
		    uint32_t *mark)
{
	struct __sk_buff in = { .mark = *mark }, out = { 0 };
	struct bpf_test_run_opts opts = { .sz = sizeof(opts),
					  .data_in = p->bytes,
					  .data_size_in = (__u32)p->length,
					  .ctx_in = &in,
					  .ctx_size_in = sizeof(in),
					  .ctx_out = &out,
					  .ctx_size_out = sizeof(out),
					  .repeat = (int)repeat };

	assert_int_equal(bpf_prog_test_run_opts(l->program, &opts), 0);
	assert_int_equal((int)opts.retval, TC_ACT_UNSPEC);
	*mark = out.mark;
	return opts.duration;
}

static bool passes(const struct loaded *l, const struct packet *p)
{
	uint32_t mark = PASS_MARK | FOREIGN_MARK;

	run(l, p, 1, &mark);
	assert_int_equal(mark & ~(uint32_t)PASS_MARK, FOREIGN_MARK);
	return mark & PASS_MARK;
}

static bool goes(const struct loaded *l, int family, uint16_t from, uint16_t to,
		 uint8_t flags)
{
	struct packet p = segment(family, from, to, flags);

	return passes(l, &p);
}

static void order(const struct loaded *l, uint64_t until, bool forwarded)
{
	struct gate_order o = { .until = until, .forwarded = forwarded };
	uint32_t key = 0;

	assert_int_equal(bpf_map_update_elem(l->order, &key, &o, BPF_ANY), 0);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void open_gates(void)
{
	order(&bench.client, now_ns() + 60000000000, false);
	order(&bench.server, now_ns() + 60000000000, false);
}

static void shut_gates(void)
{
	order(&bench.client, GATE_UNTIL_PASS, false);
	order(&bench.server, GATE_UNTIL_PASS, false);
}

static void bench_maps(struct loaded *l)
{
	struct bpf_prog_info info = { 0 };
	uint32_t ids[8];
	__u32 size = sizeof(info);

	info.map_ids = (__u64)(unsigned long)ids;
	info.nr_map_ids = 8;
	assert_int_equal(bpf_obj_get_info_by_fd(l->program, &info, &size), 0);
	for (__u32 i = 0; i < info.nr_map_ids; i++) {
		struct bpf_map_info map = { 0 };
		int fd = bpf_map_get_fd_by_id(ids[i]);

		size = sizeof(map);
		assert_int_equal(bpf_obj_get_info_by_fd(fd, &map, &size), 0);
		if (!strcmp(map.name, GATE_MAP_ORDER))
			l->order = fd;
		else if (!strcmp(map.name, GATE_MAP_COUNTERS))
			l->counters = fd;
		else
			close(fd);
	}
}

static struct loaded bench_load(bool server, bool closed, bool ports)
{
	struct program p = { .kind = PROGRAM_STEER,
			     .own_marks = SIDE_MARK | LOCAL_MARK | PASS_MARK,
			     .local_mark = LOCAL_MARK,
			     .pass_mark = PASS_MARK,
			     .server_side = server,
			     .fail_closed = closed };
	struct loaded l = { -1, -1, -1 };
	struct error err = { 0 };

	if (ports)
		p.ports = (struct ports){ .range = { { MAPPED, MAPPED },
						     { bench.port, bench.port },
						     { bench.port6, bench.port6 } },
					  .n = 3 };
	if (program_load(&p, &l.program, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	bench_maps(&l);
	return l;
}

static int bench_setup(void **state)
{
	int six;

	(void)state;
	if (!loopback_enter())
		return 0;
	bench.listener = loopback_listen(AF_INET);
	bench.port = loopback_port(bench.listener);
	six = loopback_listen(AF_INET6);
	bench.port6 = loopback_port(six);
	bench.client = bench_load(false, false, true);
	bench.server = bench_load(true, false, true);
	bench.closed = bench_load(false, true, true);
	bench.none = bench_load(false, false, false);
	bench.v4 = loopback_connect(AF_INET, bench.listener, LOOPBACK_STAYS);
	bench.v6 = loopback_connect(AF_INET6, six, LOOPBACK_STAYS);
	bench.waiting = loopback_connect(AF_INET, bench.listener, LOOPBACK_SERVICE_FIRST);
	bench.leaving = loopback_connect(AF_INET, bench.listener, LOOPBACK_CLIENT_FIRST);
	return 0;
}

#endif
