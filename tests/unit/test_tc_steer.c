/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns proving tc/steer's marks on single packets, against real sockets, by test run. */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/error.h"
#include "tc/program.h"
#include "tests/unit/icmp_packet.h"

enum { SIDE_MARK = 0x1, LOCAL_MARK = 0x2, FOREIGN_MARK = 0x40 };

static struct {
	int program; /* marks SIDE_MARK */
	int plain;   /* marks no side: the client's */
	struct flow v4, v6, waiting, listening;
} bench;

/* Runs a program over the packet that came with `mark`; returns the mark it leaves. */
static uint32_t run(int program, const struct packet *p, uint32_t mark)
{
	struct __sk_buff in = { .mark = mark }, out = { 0 };
	struct bpf_test_run_opts opts = { .sz = sizeof(opts),
					  .data_in = p->bytes,
					  .data_size_in = (__u32)p->length,
					  .ctx_in = &in,
					  .ctx_size_in = sizeof(in),
					  .ctx_out = &out,
					  .ctx_size_out = sizeof(out) };

	assert_int_equal(bpf_prog_test_run_opts(program, &opts), 0);
	assert_int_equal((int)opts.retval, TC_ACT_UNSPEC);
	return out.mark;
}

static bool is_local(const struct packet *p)
{
	uint32_t mark = run(bench.program, p, 0);

	assert_int_equal(mark & ~(uint32_t)LOCAL_MARK, SIDE_MARK);
	return mark & LOCAL_MARK;
}

static void test_side(void **state)
{
	struct packet p = { .length = 0 };

	(void)state;
	NEEDS_NAMESPACE();
	packet_ethernet(&p, ETH_P_ARP);
	packet_add(&p, NULL, 46);
	assert_int_equal(run(bench.program, &p, 0), SIDE_MARK);
	assert_int_equal(run(bench.plain, &p, 0), 0);
}

/* Our bits are never taken from outside, others' never touched. */
static void test_marks_from_outside(void **state)
{
	struct packet p = { .length = 0 };

	(void)state;
	NEEDS_NAMESPACE();
	packet_ethernet(&p, ETH_P_IP);
	packet_ipv4(&p, IPPROTO_TCP, 0x0a000001, INADDR_LOOPBACK, 0);
	packet_add(&p, NULL, 20);
	assert_int_equal(run(bench.plain, &p, SIDE_MARK | LOCAL_MARK | FOREIGN_MARK),
			 FOREIGN_MARK);
	assert_int_equal(run(bench.program, &p, LOCAL_MARK | FOREIGN_MARK),
			 SIDE_MARK | FOREIGN_MARK);
}

static void test_types_ipv4(void **state)
{
	struct packet p;

	(void)state;
	NEEDS_NAMESPACE();
	for (int type = 0; type < 256; type++) {
		packet_error(&p, &bench.v4, (uint8_t)type, type == 3 ? 4 : 0);
		if (is_local(&p) != (type == 3 || type == 11 || type == 12))
			fail_msg("ICMP type %d is taken for the wrong thing", type);
	}
}

static void test_types_ipv6(void **state)
{
	struct packet p;

	(void)state;
	NEEDS_NAMESPACE();
	for (int type = 0; type < 256; type++) {
		packet_error(&p, &bench.v6, (uint8_t)type, 0);
		if (is_local(&p) != (type >= 1 && type <= 4))
			fail_msg("ICMPv6 type %d is taken for the wrong thing", type);
	}
}

static void test_other_flows(void **state)
{
	struct flow turned = { AF_INET, bench.v4.remote, bench.v4.local };
	struct flow other = bench.v4;
	struct packet p;

	(void)state;
	NEEDS_NAMESPACE();
	/* Both ends of the connection are here: the other one's errors are local too. */
	packet_error(&p, &turned, 3, 1);
	assert_true(is_local(&p));
	other.remote++;
	packet_error(&p, &other, 3, 1);
	assert_false(is_local(&p));
	other = bench.v6;
	other.local++;
	packet_error(&p, &other, 1, 0);
	assert_false(is_local(&p));
}

/* A listener is no flow: errors about forwarded answers of that port go on. */
static void test_listener(void **state)
{
	struct flow f = bench.listening;
	struct packet p;

	(void)state;
	NEEDS_NAMESPACE();
	f.remote = 9;
	packet_error(&p, &f, 3, 1);
	assert_false(is_local(&p));
}

static void test_time_wait(void **state)
{
	struct packet p;

	(void)state;
	NEEDS_NAMESPACE();
	packet_error(&p, &bench.waiting, 3, 1);
	assert_true(is_local(&p));
}

/* The error must be addressed to whoever sent the embedded packet. */
static void test_not_for_the_sender(void **state)
{
	struct packet p;
	struct iphdr *ip = (struct iphdr *)(void *)(p.bytes + ETH_HLEN);
	struct ipv6hdr *ip6 = (struct ipv6hdr *)(void *)(p.bytes + ETH_HLEN);

	(void)state;
	NEEDS_NAMESPACE();
	packet_error(&p, &bench.v4, 3, 1);
	ip->daddr = htonl(INADDR_LOOPBACK + 1);
	assert_false(is_local(&p));
	packet_error(&p, &bench.v6, 1, 0);
	ip6->daddr.s6_addr[0] = 0xfd;
	assert_false(is_local(&p));
}

static void test_truncated(void **state)
{
	const struct flow *flows[] = { &bench.v4, &bench.v6 };

	(void)state;
	NEEDS_NAMESPACE();
	for (int i = 0; i < 2; i++) {
		struct packet p;
		size_t whole;

		packet_error(&p, flows[i], i ? 2 : 3, i ? 0 : 4);
		whole = p.length;
		assert_true(is_local(&p));
		/* The kernel's test run wants room for the first IP header at least. */
		for (p.length = ETH_HLEN + 40; p.length < whole; p.length++)
			assert_false(is_local(&p));
	}
}

static void test_options_ipv4(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
	for (unsigned int outer = 0; outer <= 40; outer += 4) {
		for (unsigned int inner = 0; inner <= 40; inner += 20) {
			struct packet p = { .length = 0 };

			packet_ethernet(&p, ETH_P_IP);
			packet_ipv4(&p, IPPROTO_ICMP, 0x0a000001, INADDR_LOOPBACK, outer);
			packet_icmp(&p, 3, 4);
			packet_ipv4(&p, IPPROTO_TCP, INADDR_LOOPBACK, INADDR_LOOPBACK,
				    inner);
			packet_ports(&p, &bench.v4);
			assert_true(is_local(&p));
		}
	}
}

static void test_malformed_ipv4(void **state)
{
	struct packet p;
	struct iphdr *outer = (struct iphdr *)(void *)(p.bytes + ETH_HLEN);
	struct iphdr *inner = (struct iphdr *)(void *)(p.bytes + ETH_HLEN + 28);
	const uint16_t fragments[] = { 0x2000, 0x0001, 0x1fff };

	(void)state;
	NEEDS_NAMESPACE();
	for (size_t i = 0; i < 3; i++) {
		packet_error(&p, &bench.v4, 3, 4);
		outer->frag_off = htons(fragments[i]);
		assert_false(is_local(&p));
		packet_error(&p, &bench.v4, 3, 4);
		inner->frag_off = htons(fragments[i]);
		/* A first fragment has the ports, later ones have not. */
		assert_int_equal(is_local(&p), fragments[i] == 0x2000);
	}
	packet_error(&p, &bench.v4, 3, 4);
	outer->ihl = 4;
	assert_false(is_local(&p));
	packet_error(&p, &bench.v4, 3, 4);
	inner->ihl = 0;
	assert_false(is_local(&p));
	packet_error(&p, &bench.v4, 3, 4);
	inner->version = 6;
	assert_false(is_local(&p));
	packet_error(&p, &bench.v4, 3, 4);
	inner->protocol = IPPROTO_UDP;
	assert_false(is_local(&p));
}

static void test_extensions_ipv6(void **state)
{
	const uint8_t kinds[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS,
				  IPPROTO_FRAGMENT };
	struct packet p;

	(void)state;
	NEEDS_NAMESPACE();
	for (size_t k = 0; k < sizeof(kinds); k++) {
		for (int n = 0; n < 6; n++) {
			packet_chain(&p, &bench.v6, kinds[k], n, 5 - n, 0);
			assert_true(is_local(&p));
		}
		packet_chain(&p, &bench.v6, kinds[k], 20, 0, 0);
		assert_false(is_local(&p));
		packet_chain(&p, &bench.v6, kinds[k], 0, 20, 0);
		assert_false(is_local(&p));
	}
}

static void test_fragments_ipv6(void **state)
{
	struct packet p;

	(void)state;
	NEEDS_NAMESPACE();
	packet_chain(&p, &bench.v6, IPPROTO_FRAGMENT, 1, 0, 0x0001); /* more to come */
	assert_false(is_local(&p));
	packet_chain(&p, &bench.v6, IPPROTO_FRAGMENT, 1, 0, 0x0008); /* a later one */
	assert_false(is_local(&p));
	packet_chain(&p, &bench.v6, IPPROTO_FRAGMENT, 0, 1, 0x0001);
	assert_true(is_local(&p));
	packet_chain(&p, &bench.v6, IPPROTO_FRAGMENT, 0, 1, 0x0008);
	assert_false(is_local(&p));
}

/* Whatever the bytes, the packet goes on, and only the side's mark is on it. */
static void test_noise(void **state)
{
	struct packet p;

	(void)state;
	NEEDS_NAMESPACE();
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		packet_error(&p, i & 1 ? &bench.v4 : &bench.v6, i & 1 ? 3 : 1, 0);
		packet_add(&p, NULL, 64);
		for (int j = 0; j < 4; j++)
			p.bytes[ETH_HLEN + random() % (long)(p.length - ETH_HLEN)] =
				(unsigned char)random();
		is_local(&p);
	}
}

static int bench_load(unsigned int side)
{
	struct program p = { .kind = PROGRAM_STEER,
			     .own_marks = SIDE_MARK | LOCAL_MARK,
			     .side_mark = side,
			     .local_mark = LOCAL_MARK };
	struct error err = { 0 };
	int fd = -1;

	if (program_load(&p, &fd, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	return fd;
}

static int bench_setup(void **state)
{
	int four, six;

	(void)state;
	if (!loopback_enter())
		return 0;
	bench.program = bench_load(SIDE_MARK);
	bench.plain = bench_load(0);
	four = loopback_listen(AF_INET);
	six = loopback_listen(AF_INET6);
	bench.listening = (struct flow){ AF_INET, loopback_port(four), 0 };
	bench.v4 = loopback_connect(AF_INET, four, LOOPBACK_STAYS);
	bench.v6 = loopback_connect(AF_INET6, six, LOOPBACK_STAYS);
	bench.waiting = loopback_connect(AF_INET, four, LOOPBACK_CLIENT_FIRST);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_side),
		cmocka_unit_test(test_marks_from_outside),
		cmocka_unit_test(test_types_ipv4),
		cmocka_unit_test(test_types_ipv6),
		cmocka_unit_test(test_other_flows),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_time_wait),
		cmocka_unit_test(test_not_for_the_sender),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_options_ipv4),
		cmocka_unit_test(test_malformed_ipv4),
		cmocka_unit_test(test_extensions_ipv6),
		cmocka_unit_test(test_fragments_ipv6),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
