/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the doctor's checks of NIC, cores and kernel: each provoked, and each gone. */
#include "tests/unit/doctor_bench.h"

static void two_nodes(void)
{
	put("sys/devices/system/node/node0/cpulist", "0,2\n");
	put("sys/devices/system/node/node1/cpulist", "1,3\n");
}

static void test_node(void **state)
{
	(void)state;
	two_nodes();
	put("sys/class/net/eth0/device/numa_node", "0\n");
	assert_string_equal(result("nic-node"), "warning");
	assert_told("nic-node", "1 of 2 instances");
	assert_told("nic-node", "CPU 1 (node 1)");
	assert_told("nic-node", "node 0 (0,2)");
	bench.plan.config.numa = NUMA_SPREAD; /* asked for */
	assert_string_equal(result("nic-node"), "note");
	bench.plan.config.numa = NUMA_BIND;
	bench.plan.haproxy.cpu[1] = 2;
	assert_string_equal(result("nic-node"), "ok");
}

/* A virtio NIC: its device is on the virtio bus, the PCI device is above. */
static void test_node_virtio(void **state)
{
	char from[128];

	(void)state;
	two_nodes();
	put("sys/devices/pci0/numa_node", "1\n");
	put("sys/devices/pci0/virtio0/vendor", "x\n");
	put("sys/class/net/eth0/mtu", "1500\n");
	snprintf(from, sizeof(from), "%s/sys/class/net/eth0/device", bench_root);
	assert_int_equal(symlink("../../../devices/pci0/virtio0", from), 0);
	bench.plan.haproxy.cpu[0] = 3;
	assert_string_equal(result("nic-node"), "ok");
	bench.plan.haproxy.cpu[0] = 0;
	assert_string_equal(result("nic-node"), "warning");
	assert_told("nic-node", "CPU 0 (node 0)");
}

static void test_node_unknown(void **state)
{
	(void)state;
	two_nodes();
	assert_string_equal(result("nic-node"), "ok");
	put("sys/class/net/eth0/device/numa_node", "-1\n");
	assert_string_equal(result("nic-node"), "note");
	remove_file("sys/devices/system/node/node1/cpulist");
	assert_string_equal(result("nic-node"), "ok");
}

static void test_queues(void **state)
{
	(void)state;
	put("sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n");
	put("sys/class/net/eth0/queues/tx-0/xps_cpus", "0\n");
	assert_string_equal(result("nic-queues"), "warning");
	assert_told("nic-queues", "1 receive queue for 2 instances");
	put("sys/class/net/eth0/queues/rx-0/rps_cpus", "00000000,00000003\n");
	assert_string_equal(result("nic-queues"), "note");
	put("sys/class/net/eth0/queues/rx-1/rps_cpus", "0\n");
	assert_string_equal(result("nic-queues"), "ok");
}

static void test_xps(void **state)
{
	(void)state;
	put("sys/class/net/eth0/queues/tx-0/xps_cpus", "0\n");
	assert_string_equal(result("nic-xps"), "ok"); /* one queue is everybody's */
	put("sys/class/net/eth0/queues/tx-1/xps_cpus", "00,00000002\n");
	assert_string_equal(result("nic-xps"), "warning");
	assert_told("nic-xps", "1 of 2 transmit queues");
	put("sys/class/net/eth0/queues/tx-0/xps_cpus", "1\n");
	assert_string_equal(result("nic-xps"), "ok");
}

static void test_irqbalance(void **state)
{
	(void)state;
	put("sys/class/net/eth0/ifindex", "2\n");
	put("proc/1/comm", "systemd\n");
	put("proc/77/comm", "irqbalance-ui\n");
	put("proc/net/dev", "x\n");
	put("sys/class/net/eth0/device/msi_irqs/41", "msix\n");
	put("sys/class/net/eth0/device/msi_irqs/42", "msix\n");
	assert_string_equal(result("irqbalance"), "ok");
	put("proc/812/comm", "irqbalance\n");
	put("proc/812/cmdline", "/usr/sbin/irqbalance%c--foreground%c", 0, 0);
	assert_string_equal(result("irqbalance"), "warning");
	assert_told("irqbalance", "/proc/812/comm");
	assert_told("irqbalance", "--banirq=41");
	assert_told("irqbalance", "--banirq=42");
	put("proc/812/cmdline", "irqbalance%c--banirq=41%c-i%c42%c", 0, 0, 0, 0);
	assert_string_equal(result("irqbalance"), "note");
	put("proc/812/cmdline", "irqbalance%c--banirq=41%c-i%c4%c", 0, 0, 0, 0);
	assert_string_equal(result("irqbalance"), "warning");
	remove_file("proc/812/comm");
	assert_string_equal(result("irqbalance"), "ok");
}

static void test_kernel(void **state)
{
	(void)state;
	assert_string_equal(result("kernel"), "skipped");
	put("proc/sys/kernel/osrelease", "4.14.336-x\n");
	bench.plan.tc.datapath = TC_DATAPATH_BPF;
	assert_string_equal(result("kernel"), "ok");
	bench.plan.tc.datapath = TC_DATAPATH_MIRRED;
	assert_string_equal(result("kernel"), "warning");
	assert_told("kernel", "4.14.336-x");
	put("proc/sys/kernel/osrelease", "4.15.0-rc1\n");
	assert_string_equal(result("kernel"), "ok");
	put("proc/sys/kernel/osrelease", "10.0\n");
	assert_string_equal(result("kernel"), "ok");
	put("proc/sys/kernel/osrelease", "nonsense\n");
	assert_string_equal(result("kernel"), "skipped");
}

static void test_governor(void **state)
{
	(void)state;
	assert_string_equal(result("governor"), "ok");
	put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
	put("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
	put("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "ondemand\n");
	assert_string_equal(result("governor"), "warning");
	assert_told("governor", "cpu1 powersave|");
	put("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n");
	assert_string_equal(result("governor"), "ok");
}

#define SOFTNET "proc/net/softnet_stat"
#define REST    " 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"

static void test_softirq(void **state)
{
	(void)state;
	assert_string_equal(result("softirq"), "skipped");
	put(SOFTNET, "000f4240 00000000 00000000" REST " 00000000 %08x 0 0\n", 0);
	assert_string_equal(result("softirq"), "ok");
	/* Offline CPUs have no line: the number in the line counts, here 5. */
	put(SOFTNET,
	    "000f4240 00000000 00000000" REST " 00000000 %08x 0 0\n"
	    "000f4240 00000011 00000000" REST " 00000000 %08x 0 0\n",
	    0, 5);
	assert_string_equal(result("softirq"), "warning");
	assert_told("softirq", "17 packets were dropped");
	assert_told("softirq", "cpu5 17");
	assert_told("softirq", "netdev_max_backlog=32768");
	put(SOFTNET, "000f4240 00000000 000003e8" REST " 00000000 %08x 0 0\n", 0);
	assert_string_equal(result("softirq"), "note"); /* 1000 in a million */
	put(SOFTNET, "000f4240 00000000 000003e9" REST " 00000000 %08x 0 0\n", 0);
	assert_string_equal(result("softirq"), "warning");
	/* A kernel before 5.10 has ten columns. */
	put(SOFTNET, "000f4240 0 0 0 0 0 0 0 0 0\n000f4240 1 0 0 0 0 0 0 0 0\n");
	assert_string_equal(result("softirq"), "warning");
	assert_told("softirq", "cpu1 1");
}

static void test_rss(void **state)
{
	static const struct rss_fields both = { true, true, true, true, true };
	static const struct rss_fields source = { true, true, false, true, true };
	struct rss rss = { .queues = 4, .toeplitz = true, .table_n = 128, .key_n = 40 };

	(void)state;
	rss.fields[RSS_IPV4] = rss.fields[RSS_IPV6] = both;
	for (unsigned int i = 0; i < rss.key_n; i++)
		rss.key[i] = i % 2 ? 0x5a : 0x6d;
	assert_null(doctor_rss_fault(&rss));
	rss.fields[RSS_IPV6] = source;
	assert_non_null(strstr(doctor_rss_fault(&rss), "one end"));
	rss.fields[RSS_IPV6] = (struct rss_fields){ 0 }; /* it does not say */
	assert_null(doctor_rss_fault(&rss));
	rss.key[39]++;
	assert_non_null(strstr(doctor_rss_fault(&rss), "differently"));
	rss.transform = RSS_TRANSFORM_XOR;
	assert_null(doctor_rss_fault(&rss));
	rss.transform = 0;
	rss.queues = 1;
	assert_null(doctor_rss_fault(&rss));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECK(test_node),    CHECK(test_node_virtio), CHECK(test_node_unknown),
		CHECK(test_queues),  CHECK(test_xps),         CHECK(test_irqbalance),
		CHECK(test_kernel),  CHECK(test_governor),    CHECK(test_rss),
		CHECK(test_softirq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
