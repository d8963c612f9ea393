/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what a placement leaves in the configuration, and that the same comes of it. */
#include "tests/unit/placement_bench.h"

/* Once resolved, the same comes out again, whatever is allowed by then. */
static void test_resolved(void **state)
{
	static struct placement first, again;
	struct placement_nic nic = nic_on(0, 16, true);
	struct topology *t = machine(PAPER);
	struct error err = { 0 };

	(void)state;
	for (int numa = NUMA_BIND; numa <= NUMA_SPREAD; numa++) {
		struct config config;

		config_defaults(&config);
		config.processes = numa == NUMA_BIND ? 0 : 70;
		config.numa = numa;
		for (unsigned int i = 0; i < t->n; i++)
			t->cpu[i].allowed = true;
		assert_int_equal(placement_make(t, &config, &nic, 1, false, &first, &err),
				 0);
		placement_resolve(&first, &config);
		assert_int_equal(config.queues, 16);
		assert_int_equal(config.processes, first.instances);
		for (unsigned int i = 0; i < t->n; i++)
			t->cpu[i].allowed = i < 2;
		assert_int_equal(placement_make(t, &config, &nic, 1, true, &again, &err),
				 0);
		assert_int_equal(again.queues, first.queues);
		assert_int_equal(again.rps, first.rps);
		assert_memory_equal(again.cpu, first.cpu, sizeof(first.cpu));
		assert_memory_equal(again.taker, first.taker, sizeof(first.taker));
		assert_int_equal(again.rows, first.rows);
		assert_memory_equal(again.row, first.row, sizeof(first.row));
	}
	free(t);
}

/* The longest lists there are come back whole. */
static void test_resolved_long(void **state)
{
	static struct placement p;
	struct placement_nic nic = nic_on(3, 0, true);
	struct topology *t = machine("synthetic:pack:4 [numa] core:128 pu:2");
	unsigned int cpu[CPULIST_MAX];
	struct config config;
	struct error err = { 0 };
	size_t n;

	(void)state;
	config_defaults(&config);
	config.numa = NUMA_SPREAD;
	assert_int_equal(placement_make(t, &config, &nic, 1, false, &p, &err), 0);
	assert_int_equal(p.instances, HAPROXY_INSTANCES_MAX);
	placement_resolve(&p, &config);
	assert_int_equal(cpulist_parse(config.cpus, cpu, &n, &err), 0);
	assert_int_equal(n, HAPROXY_INSTANCES_MAX);
	assert_memory_equal(cpu, p.cpu, sizeof(p.cpu));
	assert_int_equal(cpulist_parse(config.queue_cpus, cpu, &n, &err), 0);
	assert_int_equal(n, p.queue_cpus);
	assert_memory_equal(cpu, p.queue_cpu, n * sizeof(cpu[0]));
	free(t);
}

/* accept = auto: by CPU where each gets its own queue's flows, both directions. */
static void test_accept(void **state)
{
	static const struct {
		unsigned int processes;
		int rss, accept;
		enum haproxy_accept wanted;
	} cases[] = {
		{ 0, RSS_SYMMETRIC, CONFIG_ACCEPT_AUTO, HAPROXY_ACCEPT_CPU },
		{ 28, RSS_SYMMETRIC, CONFIG_ACCEPT_AUTO, HAPROXY_ACCEPT_CPU },
		{ 20, RSS_SYMMETRIC, CONFIG_ACCEPT_AUTO, HAPROXY_ACCEPT_HASH },
		{ 56, RSS_SYMMETRIC, CONFIG_ACCEPT_AUTO, HAPROXY_ACCEPT_HASH },
		{ 28, RSS_ASYMMETRIC, CONFIG_ACCEPT_AUTO, HAPROXY_ACCEPT_HASH },
		{ 28, RSS_OFF, CONFIG_ACCEPT_AUTO, HAPROXY_ACCEPT_HASH },
		{ 28, RSS_SYMMETRIC, HAPROXY_ACCEPT_HASH, HAPROXY_ACCEPT_HASH },
		{ 20, RSS_SYMMETRIC, HAPROXY_ACCEPT_CPU, HAPROXY_ACCEPT_CPU },
	};
	struct topology *t = machine(PAPER);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config config;

		config_defaults(&config);
		config.processes = cases[i].processes;
		config.rss = cases[i].rss;
		config.accept = cases[i].accept;
		placement_resolve(place(t, &config, 0), &config);
		assert_int_equal(config.accept, cases[i].wanted);
	}
	free(t);
}

/* By RPS where the NIC has no RSS: the kernel's hash is the same for both directions. */
static void test_accept_rps(void **state)
{
	struct placement_nic nic = nic_on(0, 1, false);
	struct topology *t = machine(PAPER);
	static struct placement p;
	struct error err = { 0 };
	struct config config;

	(void)state;
	config_defaults(&config);
	assert_int_equal(placement_make(t, &config, &nic, 1, false, &p, &err), 0);
	assert_true(p.rps);
	assert_int_equal(placement_accept(&p, &config), HAPROXY_ACCEPT_CPU);
	config.numa = NUMA_SPREAD;
	assert_int_equal(placement_make(t, &config, &nic, 1, false, &p, &err), 0);
	assert_int_equal(placement_accept(&p, &config), HAPROXY_ACCEPT_HASH);
	free(t);
}

/* A CPU that has gone offline since is no reason to fail, nor to move the others. */
static void test_recall_offline(void **state)
{
	static struct placement p;
	struct placement_nic nic = nic_on(0, 8, true);
	struct topology *t = machine(LIMITED);
	struct config config;
	struct error err = { 0 };

	(void)state;
	config_defaults(&config);
	strcpy(config.cpus, "0,11");
	strcpy(config.queue_cpus, "11,0");
	assert_int_equal(placement_make(t, &config, &nic, 1, false, &p, &err), -EINVAL);
	assert_int_equal(placement_make(t, &config, &nic, 1, true, &p, &err), 0);
	assert_int_equal(p.row[0].cpu, 11);
	assert_int_equal(p.row[0].core, -1);
	assert_int_equal(p.row[0].instance, 1);
	assert_int_equal(p.row[1].instance, 0);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolved),
		cmocka_unit_test(test_resolved_long),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_accept_rps),
		cmocka_unit_test(test_recall_offline),
	};

	return cmocka_run_group_tests_name("placement_resolve", tests, NULL, NULL);
}
