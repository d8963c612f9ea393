/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the counters that top and doctor read: softnet_stat, netstat, queues' names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helpers/netstat.h"
#include "helpers/nic/counter.h"
#include "helpers/softnet.h"
#include "tests/unit/toy_root.h"

static void test_queue_names(void **state)
{
	static const struct {
		const char *name;
		int queue;
	} cases[] = {
		{ "rx_queue_3_packets", 3 },
		{ "rx17_packets", 17 },
		{ "rx-0.packets", 0 },
		{ "rx-5.rx_packets", 5 },
		{ "[2]: rx_ucast_packets", 2 },
		{ "queue_7_rx_cnt", 7 },
		{ "rx_packets[4]", 4 },
		{ "rx_queue_3_bytes", -1 },
		{ "rx_queue_3_xdp_packets", -1 },
		{ "tx_queue_3_packets", -1 },
		{ "rx_packets", -1 },
		{ "rx3_packets_phy", -1 },
		{ "rx9999_packets", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(counter_queue_of(cases[i].name), cases[i].queue);
}

static void test_softnet(void **state)
{
	struct toy *t = *state;
	struct softnet *cpu = NULL;
	size_t n = 0;

	assert_int_equal(softnet_read(t->fd, &cpu, &n), -ENOENT);
	assert_null(cpu);
	toy_file(t,
		 "0000000a 00000001 00000002 0 0 0 0 0 0 0 0 0 00000000 0 0\n"
		 "ffffffff 00000000 00000000 0 0 0 0 0 0 0 0 0 00000007 0 0",
		 "proc/net/softnet_stat");
	assert_int_equal(softnet_read(t->fd, &cpu, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(cpu[0].processed, 10);
	assert_int_equal(cpu[0].dropped, 1);
	assert_int_equal(cpu[0].squeezed, 2);
	assert_int_equal(cpu[1].cpu, 7);
	assert_int_equal(cpu[1].processed, 0xffffffffUL);
	free(cpu);
}

static void test_netstat(void **state)
{
	static const char text[] = "TcpExt: A ListenDrops AB\nTcpExt: 1 22 333\n"
				   "IpExt: A Other\nIpExt: 4 5\n";

	(void)state;
	assert_int_equal(netstat_counter(text, "TcpExt:", "A"), 1);
	assert_int_equal(netstat_counter(text, "TcpExt:", "ListenDrops"), 22);
	assert_int_equal(netstat_counter(text, "TcpExt:", "AB"), 333);
	assert_int_equal(netstat_counter(text, "IpExt:", "A"), 4);
	assert_int_equal(netstat_counter(text, "IpExt:", "AB"), -1);
	assert_int_equal(netstat_counter(text, "MPTcpExt:", "A"), -1);
	assert_int_equal(netstat_counter("", "TcpExt:", "A"), -1);
	assert_int_equal(netstat_counter("TcpExt: A", "TcpExt:", "A"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_names),
		TOY_TEST(test_softnet),
		cmocka_unit_test(test_netstat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
