/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what is made of a description of a machine, of this one, and of a NIC's node. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/nic/topology.h"
#include "tests/unit/toy_root.h"

#define PAPER   "synthetic:pack:2 [numa] l3:1 core:14 pu:2(indexes=core)"
#define NPS4    "synthetic:pack:2 group:4 [numa] l3:2 l2:4 core:1 pu:2(indexes=core)"
#define LIMITED "tests/golden/placement/limited.xml"

static struct topology *read_topology(const char *source)
{
	struct topology *t = NULL;
	struct error err = { 0 };

	if (topology_read(source, &t, &err) < 0)
		fail_msg("%s: %s", source ? source : "this machine", err.msg);
	return t;
}

static const struct topology_cpu *at(const struct topology *t, unsigned int cpu)
{
	const struct topology_cpu *c = topology_cpu_find(t, cpu);

	assert_non_null(c);
	assert_int_equal(c->cpu, cpu);
	return c;
}

static void test_paper(void **state)
{
	struct topology *t = read_topology(PAPER);

	(void)state;
	assert_true(t->foreign);
	assert_int_equal(t->n, 56);
	assert_int_equal(t->cores, 28);
	assert_int_equal(t->packages, 2);
	assert_int_equal(t->nodes, 2);
	assert_int_equal(t->n_offline, 0);
	for (unsigned int cpu = 0; cpu < 56; cpu++) {
		assert_int_equal(at(t, cpu)->core, cpu % 28);
		assert_int_equal(at(t, cpu)->thread, cpu / 28);
		assert_int_equal(at(t, cpu)->node, cpu % 28 / 14);
		assert_int_equal(at(t, cpu)->package, cpu % 28 / 14);
		assert_int_equal(at(t, cpu)->l3, cpu % 28 / 14);
		assert_true(at(t, cpu)->allowed);
	}
	assert_null(topology_cpu_find(t, 56));
	free(t);
}

static void test_distance(void **state)
{
	struct topology *t = read_topology(NPS4);

	(void)state;
	assert_int_equal(t->nodes, 8);
	assert_int_equal(topology_distance(at(t, 0), at(t, 0)), 0);
	assert_int_equal(topology_distance(at(t, 0), at(t, 64)), 0);
	assert_int_equal(topology_distance(at(t, 0), at(t, 3)), 2);
	assert_int_equal(topology_distance(at(t, 0), at(t, 4)), 3);
	assert_int_equal(topology_distance(at(t, 0), at(t, 8)), 4);
	assert_int_equal(topology_distance(at(t, 0), at(t, 32)), 5);
	free(t);
	t = read_topology("synthetic:numa:1 l2:2 core:2 pu:1");
	assert_int_equal(topology_distance(at(t, 0), at(t, 1)), 1);
	assert_int_equal(topology_distance(at(t, 0), at(t, 2)), 3);
	assert_int_equal(at(t, 0)->l3, -1);
	free(t);
}

static void test_limited(void **state)
{
	struct topology *t = read_topology(LIMITED);

	(void)state;
	assert_int_equal(t->n, 15);
	assert_int_equal(t->cores, 8);
	assert_null(topology_cpu_find(t, 11));
	assert_int_equal(t->n_offline, 1);
	assert_int_equal(t->offline[0], 11);
	for (unsigned int i = 0; i < t->n; i++) {
		const struct topology_cpu *c = &t->cpu[i];

		assert_int_equal(c->permitted, c->cpu != 7);
		assert_int_equal(c->allowed, c->cpu != 7);
		assert_int_equal(c->isolated, c->cpu == 2 || c->cpu == 10);
		assert_int_equal(c->tickless, c->cpu == 3);
	}
	free(t);
	assert_int_equal(topology_source_nic_node(LIMITED, "ens1f0"), 0);
	assert_int_equal(topology_source_nic_node(LIMITED, "ens2f0"), 1);
	assert_int_equal(topology_source_nic_node(LIMITED, "ens3f0"), -1);
	assert_int_equal(topology_source_nic_node(PAPER, "ens1f0"), -1);
}

/* The kernel's own word: sysfs, and this process's affinity. */
static void test_here(void **state)
{
	struct topology *t = read_topology(NULL);
	struct topology *narrow;
	cpu_set_t before, one;

	(void)state;
	assert_false(t->foreign);
	assert_int_equal(t->n, sysconf(_SC_NPROCESSORS_ONLN));
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	for (unsigned int i = 0; i < t->n; i++)
		assert_int_equal(t->cpu[i].allowed,
				 CPU_ISSET(t->cpu[i].cpu, &before) != 0);
	CPU_ZERO(&one);
	for (unsigned int i = 0; i < t->n && !CPU_COUNT(&one); i++) {
		if (t->cpu[i].allowed)
			CPU_SET(t->cpu[i].cpu, &one);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	narrow = read_topology(NULL);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(narrow->n, t->n);
	for (unsigned int i = 0; i < t->n; i++) {
		assert_int_equal(narrow->cpu[i].allowed,
				 CPU_ISSET(t->cpu[i].cpu, &one) != 0);
		assert_int_equal(narrow->cpu[i].permitted, t->cpu[i].permitted);
	}
	free(narrow);
	free(t);
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "synthetic:", "synthetic:core:x",
					   "tests/golden/placement.sh", "/nowhere.xml" };
	struct topology *t = NULL;
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (topology_read(bad[i], &t, &err) >= 0)
			fail_msg("'%s' is taken", bad[i]);
		assert_null(t);
	}
	assert_int_equal(setenv("HWLOC_SYNTHETIC", "core:4 pu:1", 1), 0);
	assert_int_equal(topology_read(NULL, &t, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "HWLOC_"));
	assert_int_equal(unsetenv("HWLOC_SYNTHETIC"), 0);
}

/* As sysfs is laid out: class/net/NIC/device is a link into devices. */
static void toy_nic(const struct toy *t, const char *nic, const char *device)
{
	char path[96], target[160];

	snprintf(path, sizeof(path), "sys/class/net/%s/device", nic);
	snprintf(target, sizeof(target), "../../../devices/%s", device);
	toy_link(t, target, path);
}

static void test_nic_node(void **state)
{
	const struct toy *t = *state;

	toy_file(t, "1", "sys/devices/pci0000:80/0000:81:00.0/numa_node");
	toy_nic(t, "eth0", "pci0000:80/0000:81:00.0");
	toy_file(t, "0", "sys/devices/pci0000:00/0000:00:02.0/numa_node");
	toy_file(t, "", "sys/devices/pci0000:00/0000:00:02.0/virtio0/uevent");
	toy_nic(t, "eth1", "pci0000:00/0000:00:02.0/virtio0");
	toy_file(t, "-1", "sys/devices/pci0000:00/0000:00:03.0/numa_node");
	toy_nic(t, "eth2", "pci0000:00/0000:00:03.0");
	toy_file(t, "", "sys/class/net/veth0/ifindex");
	assert_int_equal(topology_nic_node(t->fd, "eth0"), 1);
	assert_int_equal(topology_nic_node(t->fd, "eth1"), 0);
	assert_int_equal(topology_nic_node(t->fd, "eth2"), TOPOLOGY_NODE_NONE);
	assert_int_equal(topology_nic_node(t->fd, "veth0"), TOPOLOGY_NODE_NONE);
	assert_int_equal(topology_nic_node(t->fd, "none0"), TOPOLOGY_NODE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paper),   cmocka_unit_test(test_distance),
		cmocka_unit_test(test_limited), cmocka_unit_test(test_here),
		cmocka_unit_test(test_refused), TOY_TEST(test_nic_node),
	};

	return cmocka_run_group_tests_name("nic_topology", tests, NULL, NULL);
}
