/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns proving which packets tc/steer's gate takes for whose: of flows with a socket
 * here, without, with one that waits its time out, and of what is no flow of the service.
 */
#include "tests/unit/gate_bench.h"

/* Whatever the gate, what has a socket goes to it, in both directions. */
static void test_flows_with_sockets(void **state)
{
	const struct flow *flows[] = { &bench.v4, &bench.v6 };
	const uint8_t flags[] = { SYN, ACK, RST, FIN_ACK };

	(void)state;
	NEEDS_NAMESPACE();
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
	NEEDS_NAMESPACE();
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
	NEEDS_NAMESPACE();
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
	NEEDS_NAMESPACE();
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
	NEEDS_NAMESPACE();
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows_with_sockets),
		cmocka_unit_test(test_flows_without_sockets),
		cmocka_unit_test(test_ineligible),
		cmocka_unit_test(test_header_lengths),
		cmocka_unit_test(test_time_wait),
	};

	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
