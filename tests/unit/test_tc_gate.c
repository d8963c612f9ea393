/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns proving what tc/steer's gate is told: by whom it is open and shut, until when, for
 * which listeners, and what it counts and costs. */
#include "tests/unit/gate_bench.h"

static void order_port(const struct loaded *l, uint64_t until, uint16_t proxy_port)
{
	struct gate_order o = { .until = until, .proxy_port = proxy_port };
	uint32_t key = 0;

	assert_int_equal(bpf_map_update_elem(l->order, &key, &o, BPF_ANY), 0);
}

static void test_new_connections(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
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
	NEEDS_NAMESPACE();
	order(&bench.client, now_ns() + 200000000, false);
	assert_false(goes(&bench.client, AF_INET, STRANGER, bench.port, SYN));
	usleep(250000);
	assert_true(goes(&bench.client, AF_INET, STRANGER, bench.port, SYN));
}

/* Where a rule leads to the proxy port, the listeners there count. */
static void test_proxy_port(void **state)
{
	const struct loaded *l = &bench.client;
	uint64_t until = now_ns() + 60000000000;

	(void)state;
	NEEDS_NAMESPACE();
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

static void test_closed(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
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
	NEEDS_NAMESPACE();
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
	NEEDS_NAMESPACE();
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

/* Open, but whoever listened is gone: a RST would be the answer. */
static void test_no_listener(void **state)
{
	struct packet p;

	(void)state;
	NEEDS_NAMESPACE();
	open_gates();
	p = segment(AF_INET, STRANGER, bench.port, SYN);
	assert_false(passes(&bench.client, &p));
	shutdown(bench.listener, SHUT_RD);
	assert_true(passes(&bench.client, &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_connections), cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_proxy_port),      cmocka_unit_test(test_closed),
		cmocka_unit_test(test_counters),        cmocka_unit_test(test_cost),
		cmocka_unit_test(test_no_listener), /* last: the listener is gone then */
	};

	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
