/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns proving tc/steer's gate on single packets, against real sockets, by test run. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

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
	const char *skip; /* why nothing can run here, or NULL */
	struct loaded client, server, closed, none;
	struct flow v4, v6, waiting,
		leaving; /* local: who connected; remote: the service */
	uint16_t port, port6;
	int listener;
} bench;

#define NEEDS_BENCH()                                                                    \
	do {                                                                             \
		if (bench.skip) {                                                        \
			print_message("skip: %s\n", bench.skip);                         \
			skip();                                                          \
		}                                                                        \
	} while (0)

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

static void order_port(const struct loaded *l, uint64_t until, uint16_t proxy_port)
{
	struct gate_order o = { .until = until, .proxy_port = proxy_port };
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

static void test_new_connections(void **state)
{
	(void)state;
	NEEDS_BENCH();
	shut_gates();
	assert_true(goes(&bench.client, AF_INET, STRANGER, bench.port, SYN));
	assert_true(goes(&bench.client, AF_INET6, STRANGER, bench.port6, SYN));
	open_gates();
	assert_false(goes(&bench.client, AF_INET, STRANGER, bench.port, SYN));
	assert_false(goes(&bench.client, AF_INET6, STRANGER, bench.port6, SYN));
}

/* Nobody has to say that it is over. */
static void test_deadline(void **state)
{
	(void)state;
	NEEDS_BENCH();
	order(&bench.client, now_ns() + 200000000, false);
	assert_false(goes(&bench.client, AF_INET, STRANGER, bench.port, SYN));
	usleep(250000);
	assert_true(goes(&bench.client, AF_INET, STRANGER, bench.port, SYN));
}

/* Open, but whoever listened is gone: a RST would be the answer. */
static void test_no_listener(void **state)
{
	struct packet p;

	(void)state;
	NEEDS_BENCH();
	open_gates();
	p = segment(AF_INET, STRANGER, bench.port, SYN);
	assert_false(passes(&bench.client, &p));
	shutdown(bench.listener, SHUT_RD);
	assert_true(passes(&bench.client, &p));
}

/* Where a rule leads to the proxy port, the listeners there count. */
static void test_proxy_port(void **state)
{
	const struct loaded *l = &bench.client;
	uint64_t until = now_ns() + 60000000000;

	(void)state;
	NEEDS_BENCH();
	open_gates();
	assert_true(goes(l, AF_INET, STRANGER, MAPPED, SYN));
	order_port(l, until, bench.port);
	assert_false(goes(l, AF_INET, STRANGER, MAPPED, SYN));
	assert_true(goes(l, AF_INET6, STRANGER, MAPPED, SYN)); /* it is IPv4's alone */
	assert_true(goes(l, AF_INET, STRANGER, MAPPED, ACK));
	assert_false(goes(l, bench.v4.family, bench.v4.local, bench.v4.remote, ACK));
	order_port(l, until, bench.port6);
	assert_false(goes(l, AF_INET6, STRANGER, MAPPED, SYN));
	order_port(l, GATE_UNTIL_PASS, bench.port6);
	assert_true(goes(l, AF_INET6, STRANGER, MAPPED, SYN));
	order_port(l, until, STRANGER);
	assert_true(goes(l, AF_INET, STRANGER, MAPPED, SYN));
}

/* Whatever the gate, what has a socket goes to it, in both directions. */
static void test_flows_with_sockets(void **state)
{
	const struct flow *flows[] = { &bench.v4, &bench.v6 };
	const uint8_t flags[] = { SYN, ACK, RST, FIN_ACK };

	(void)state;
	NEEDS_BENCH();
	for (int open = 0; open < 2; open++) {
		open ? open_gates() : shut_gates();
		for (int i = 0; i < 8; i++) {
			const struct flow *f = flows[i & 1];

			assert_false(goes(&bench.client, f->family, f->local, f->remote,
					  flags[i / 2]));
			assert_false(goes(&bench.server, f->family, f->remote, f->local,
					  flags[i / 2]));
		}
	}
}

/* Whatever the gate, what has none was forwarded from its start. */
static void test_flows_without_sockets(void **state)
{
	const uint8_t flags[] = { ACK, RST, FIN_ACK };

	(void)state;
	NEEDS_BENCH();
	for (int open = 0; open < 2; open++) {
		open ? open_gates() : shut_gates();
		for (int i = 0; i < 3; i++) {
			assert_true(goes(&bench.client, AF_INET, STRANGER, bench.port,
					 flags[i]));
			assert_true(goes(&bench.server, AF_INET, bench.port, STRANGER,
					 flags[i]));
			assert_true(goes(&bench.server, AF_INET6, bench.port6, STRANGER,
					 flags[i]));
		}
		assert_true(goes(&bench.server, AF_INET, bench.port, STRANGER, SYN_ACK));
	}
}

static void test_ineligible(void **state)
{
	struct packet p = { .length = 0 };

	(void)state;
	NEEDS_BENCH();
	shut_gates();
	assert_false(goes(&bench.client, AF_INET, bench.port, STRANGER, SYN));
	assert_false(goes(&bench.server, AF_INET, STRANGER, bench.port, ACK));
	packet_ethernet(&p, ETH_P_IP);
	packet_ipv4(&p, IPPROTO_UDP, INADDR_LOOPBACK, INADDR_LOOPBACK, 0);
	tcp(&p, STRANGER, bench.port, SYN);
	assert_false(passes(&bench.client, &p));
	p = segment(AF_INET, STRANGER, bench.port, SYN);
	((struct iphdr *)(void *)(p.bytes + ETH_HLEN))->frag_off = htons(1);
	assert_false(passes(&bench.client, &p));
	p = segment(AF_INET, STRANGER, bench.port, SYN);
	p.length = ETH_HLEN + 20 + 13; /* the flags are cut off */
	assert_false(passes(&bench.client, &p));
	assert_false(goes(&bench.none, AF_INET, STRANGER, bench.port, SYN));
}

static void test_header_lengths(void **state)
{
	(void)state;
	NEEDS_BENCH();
	shut_gates();
	for (unsigned int options = 0; options <= 40; options += 4) {
		struct packet p = { .length = 0 };

		packet_ethernet(&p, ETH_P_IP);
		packet_ipv4(&p, IPPROTO_TCP, INADDR_LOOPBACK, INADDR_LOOPBACK, options);
		tcp(&p, STRANGER, bench.port, SYN);
		assert_true(passes(&bench.client, &p));
	}
	for (int n = 1; n < 5; n++) {
		struct packet p = { .length = 0 };

		packet_ethernet(&p, ETH_P_IPV6);
		packet_ipv6(&p, IPPROTO_HOPOPTS);
		for (int i = 0; i < n; i++)
			packet_extension(&p, i + 1 < n ? IPPROTO_DSTOPTS : IPPROTO_TCP,
					 0);
		tcp(&p, STRANGER, bench.port6, SYN);
		assert_true(passes(&bench.client, &p));
	}
}

/* A port used again: its time-wait socket would swallow what is to be forwarded. */
static void test_time_wait(void **state)
{
	const struct flow *f = &bench.waiting;

	(void)state;
	NEEDS_BENCH();
	shut_gates();
	assert_false(goes(&bench.client, f->family, f->local, f->remote, FIN_ACK));
	assert_true(goes(&bench.client, f->family, f->local, f->remote, SYN));
	assert_true(goes(&bench.client, f->family, f->local, f->remote, ACK));
	open_gates();
	assert_true(goes(&bench.client, f->family, f->local, f->remote, ACK));
	/* And now it is proxied again. */
	assert_false(goes(&bench.client, f->family, f->local, f->remote, SYN));
	assert_false(goes(&bench.client, f->family, f->local, f->remote, ACK));
	/* The server's side learns it from the SYN-ACK. */
	f = &bench.leaving;
	assert_false(goes(&bench.server, f->family, f->remote, f->local, ACK));
	assert_true(goes(&bench.server, f->family, f->remote, f->local, SYN_ACK));
	assert_true(goes(&bench.server, f->family, f->remote, f->local, ACK));
}

static void test_closed(void **state)
{
	(void)state;
	NEEDS_BENCH();
	order(&bench.closed, GATE_UNTIL_PASS, false);
	assert_false(goes(&bench.closed, AF_INET, STRANGER, bench.port, SYN));
	assert_false(goes(&bench.closed, AF_INET, STRANGER, bench.port, ACK));
	order(&bench.closed, GATE_UNTIL_DRAINED, true);
	assert_true(goes(&bench.closed, AF_INET, STRANGER, bench.port, SYN));
	order(&bench.closed, GATE_UNTIL_PASS, true);
	assert_false(goes(&bench.closed, AF_INET, STRANGER, bench.port, SYN));
	assert_true(goes(&bench.closed, AF_INET, STRANGER, bench.port, ACK));
}

static void test_counters(void **state)
{
	int cpus = libbpf_num_possible_cpus();
	struct gate_counters *c = calloc((size_t)cpus, sizeof(*c)), sum[2] = { { 0 } };
	uint32_t key = 0;

	(void)state;
	NEEDS_BENCH();
	shut_gates();
	for (int round = 0; round < 2; round++) {
		assert_int_equal(bpf_map_lookup_elem(bench.client.counters, &key, c), 0);
		for (int i = 0; i < cpus; i++) {
			sum[round].connections += c[i].connections;
			sum[round].packets += c[i].packets;
		}
		if (round)
			break;
		goes(&bench.client, AF_INET, STRANGER, bench.port, SYN);
		goes(&bench.client, AF_INET, STRANGER, bench.port, ACK);
		goes(&bench.client, AF_INET, STRANGER, STRANGER, SYN);
	}
	assert_int_equal(sum[1].connections - sum[0].connections, 1);
	assert_int_equal(sum[1].packets - sum[0].packets, 2);
	free(c);
}

/* What it costs a packet of a proxied flow, for the record. */
static void test_cost(void **state)
{
	struct packet p;
	uint32_t mark = 0, with = ~0U, without = ~0U;

	(void)state;
	NEEDS_BENCH();
	open_gates();
	p = segment(AF_INET, bench.v4.local, bench.v4.remote, ACK);
	for (int i = 0; i < 9; i++) {
		uint32_t a = run(&bench.client, &p, 200000, &mark);
		uint32_t b = run(&bench.none, &p, 200000, &mark);

		with = a < with ? a : with;
		without = b < without ? b : without;
	}
	printf("# a packet of a proxied flow: %u ns with the gate, %u ns without\n", with,
	       without);
	assert_true(with < 100000);
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

static int bench_listen(int family, uint16_t *port)
{
	struct sockaddr_in6 name = { .sin6_family = (sa_family_t)family };
	socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(name);
	int fd = socket(family, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&name, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &size), 0);
	*port = ntohs(name.sin6_port); /* where sockaddr_in has it too */
	return fd;
}

/* closes: 1 the service's end first, 2 the other: that one keeps a time-wait socket. */
static struct flow bench_connect(int family, int listener, uint16_t port, int closes)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port),
				    .sin6_addr = in6addr_loopback };
	struct sockaddr_in to4 = { .sin_family = AF_INET,
				   .sin_port = htons(port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr *to =
		family == AF_INET ? (struct sockaddr *)&to4 : (struct sockaddr *)&to6;
	socklen_t size = family == AF_INET ? sizeof(to4) : sizeof(to6);
	int fd = socket(family, SOCK_STREAM, 0), peer;

	assert_int_equal(connect(fd, to, size), 0);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to6, &size), 0);
	if (closes) {
		close(closes == 1 ? peer : fd);
		close(closes == 1 ? fd : peer);
	}
	return (struct flow){ family, ntohs(to6.sin6_port), port };
}

static int bench_setup(void **state)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int six, fd;

	(void)state;
	if (geteuid() || unshare(CLONE_NEWNET) < 0) {
		bench.skip = "needs root: loads BPF programs and makes a namespace";
		return 0;
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	close(fd);
	bench.listener = bench_listen(AF_INET, &bench.port);
	six = bench_listen(AF_INET6, &bench.port6);
	bench.client = bench_load(false, false, true);
	bench.server = bench_load(true, false, true);
	bench.closed = bench_load(false, true, true);
	bench.none = bench_load(false, false, false);
	bench.v4 = bench_connect(AF_INET, bench.listener, bench.port, 0);
	bench.v6 = bench_connect(AF_INET6, six, bench.port6, 0);
	bench.waiting = bench_connect(AF_INET, bench.listener, bench.port, 1);
	bench.leaving = bench_connect(AF_INET, bench.listener, bench.port, 2);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_connections),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_proxy_port),
		cmocka_unit_test(test_flows_with_sockets),
		cmocka_unit_test(test_flows_without_sockets),
		cmocka_unit_test(test_ineligible),
		cmocka_unit_test(test_header_lengths),
		cmocka_unit_test(test_time_wait),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_no_listener), /* last: the listener is gone then */
	};

	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
