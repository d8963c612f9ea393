/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the placement's rules: by what the paper says, and on many machines. */
#include "tests/unit/placement_bench.h"

/* 28 queues over node 0's 28 threads and 20 instances there. */
static void test_paper(void **state)
{
	struct topology *t = machine(PAPER);
	struct config config;
	struct placement *p;

	(void)state;
	config_defaults(&config);
	config.processes = 20;
	p = place(t, &config, 0);
	assert_int_equal(p->queues, 28);
	assert_int_equal(p->instances, 20);
	assert_int_equal(p->rows, 28);
	assert_int_equal(p->node, 0);
	assert_true(p->bound);
	assert_false(p->rps);
	for (unsigned int q = 0; q < 28; q++) {
		assert_int_equal(p->row[q].cpu, q < 14 ? q : q + 14);
		assert_int_equal(p->row[q].core, q % 14);
		assert_int_equal(p->row[q].node, 0);
		assert_int_equal(p->row[q].instance, q < 20 ? (int)q : -1);
		/* Threads 34..41 have their core's other thread accept. */
		assert_int_equal(p->row[q].taker, q < 20 ? q : q - 14);
		assert_int_equal(CPU_COUNT(&p->row[q].xps), 1);
		assert_true(CPU_ISSET(p->row[q].cpu, &p->row[q].xps));
	}
	assert_int_equal(p->cpus, 56);
	p = place(t, &config, 1);
	assert_int_equal(p->node, 1);
	assert_int_equal(p->cpu[0], 14);
	assert_int_equal(p->cpu[19], 47);
	free(t);
}

static void test_spread(void **state)
{
	struct topology *t = machine(PAPER);
	struct config config;
	struct placement *p;
	unsigned int there = 0;

	(void)state;
	config_defaults(&config);
	config.processes = 20;
	config.numa = NUMA_SPREAD;
	p = place(t, &config, 1);
	assert_int_equal(p->node, 1);
	assert_false(p->bound);
	assert_int_equal(p->queues, 28);
	for (unsigned int k = 0; k < 20; k++)
		there += topology_cpu_find(t, p->cpu[k])->node == 1;
	assert_int_equal(there, 10);
	assert_int_equal(p->cpu[0], 14);
	assert_int_equal(p->cpu[1], 0);
	free(t);
}

/* The other nodes of the package come before those of the other. */
static void test_no_cpu_on_node(void **state)
{
	struct topology *t = machine(NPS4);
	struct config config;
	struct placement *p;

	(void)state;
	config_defaults(&config);
	for (unsigned int i = 0; i < t->n; i++)
		t->cpu[i].allowed = t->cpu[i].node == 0 || t->cpu[i].node == 7;
	p = place(t, &config, 5);
	assert_int_equal(p->node, 7);
	assert_true(says(p, "node 5, where the interface is, has no CPU"));
	p = place(t, &config, 1);
	assert_int_equal(p->node, 0);
	p = place(t, &config, TOPOLOGY_NODE_NONE);
	assert_int_equal(p->node, 0);
	assert_true(says(p, "reports no NUMA node"));
	free(t);
}

static void test_no_cpu_at_all(void **state)
{
	struct topology *t = machine("synthetic:core:2 pu:1");
	static struct placement p;
	struct placement_nic nic = nic_on(0, 4, true);
	struct config config;
	struct error err = { 0 };

	(void)state;
	config_defaults(&config);
	for (unsigned int i = 0; i < t->n; i++)
		t->cpu[i].isolated = true;
	assert_int_equal(placement_make(t, &config, &nic, 1, false, &p, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "haproxy.cpus"));
	strcpy(config.cpus, "1");
	assert_int_equal(placement_make(t, &config, &nic, 1, false, &p, &err), 0);
	assert_int_equal(p.instances, 1);
	assert_int_equal(p.cpu[0], 1);
	free(t);
}

/* A first thread that is not allowed leaves its core to the second. */
static void test_odd_threads(void **state)
{
	struct topology *t = machine(LIMITED);
	struct config config;
	struct placement *p;

	(void)state;
	config_defaults(&config);
	config.smt = SMT_NO;
	p = place(t, &config, 1);
	assert_int_equal(p->instances, 4);
	assert_int_equal(p->cpu[3], 15);
	free(t);
}

static void test_threads_limit(void **state)
{
	struct topology *t = machine("synthetic:core:100 pu:1");
	struct config config;
	struct placement *p;

	(void)state;
	config_defaults(&config);
	config.model = HAPROXY_MODEL_THREADS;
	p = place(t, &config, 0);
	assert_int_equal(p->instances, 64);
	assert_true(says(p, "threads can be 64 at most"));
	config.model = HAPROXY_MODEL_PROCESSES;
	p = place(t, &config, 0);
	assert_int_equal(p->instances, 100);
	free(t);
}

/* Who names CPUs gets them, and is told what it costs. */
static void test_named_far(void **state)
{
	struct topology *t = machine(PAPER);
	struct config config;
	struct placement *p;

	(void)state;
	config_defaults(&config);
	strcpy(config.cpus, "13-15");
	p = place(t, &config, 0);
	assert_int_equal(p->queues, 3);
	assert_int_equal(p->node, -1);
	assert_false(p->bound);
	assert_true(says(p, "2 of 3 queues are on CPUs off node 0"));
	assert_true(says(p, "memory is not bound"));
	strcpy(config.queue_cpus, "0-2");
	p = place(t, &config, 0);
	assert_int_equal(p->node, 0);
	assert_false(says(p, "off node"));
	assert_true(says(p, "memory is not bound"));
	free(t);
}

/* What holds of every placement. */
static void sound(const struct topology *t, const struct config *config,
		  const struct placement *p, unsigned int most)
{
	cpu_set_t sending, instances;
	unsigned int queues = 0;

	CPU_ZERO(&sending);
	CPU_ZERO(&instances);
	assert_in_range(p->instances, 1, HAPROXY_INSTANCES_MAX);
	if (config->processes)
		assert_int_equal(p->instances, config->processes);
	for (unsigned int k = 0; k < p->instances; k++) {
		const struct topology_cpu *c = topology_cpu_find(t, p->cpu[k]);

		assert_non_null(c);
		assert_true(c->allowed && !c->isolated);
		if (config->smt == SMT_NO)
			assert_int_equal(c->thread, 0);
		if (config->numa == NUMA_BIND)
			assert_int_equal(c->node, p->node);
		CPU_SET(p->cpu[k], &instances);
	}
	for (unsigned int i = 0; i < p->rows; i++) {
		const struct placement_row *row = &p->row[i];
		cpu_set_t both;

		assert_int_equal(row->queue, i < p->queues ? (int)i : -1);
		assert_in_range(row->taker, 0, p->instances - 1);
		assert_int_equal(p->taker[row->cpu], row->taker);
		queues += row->queue >= 0;
		if (row->instance >= 0)
			assert_int_equal(p->cpu[row->instance], row->cpu);
		if (row->queue < 0) {
			assert_int_equal(CPU_COUNT(&row->xps), 0);
			continue;
		}
		assert_true(CPU_ISSET(row->cpu, &row->xps));
		if (p->queues <= t->n)
			CPU_AND(&both, &sending, &row->xps);
		else
			CPU_ZERO(&both);
		assert_int_equal(CPU_COUNT(&both), 0); /* a CPU sends by one queue */
		CPU_OR(&sending, &sending, &row->xps);
	}
	assert_int_equal(queues, p->queues);
	if (most)
		assert_in_range(p->queues, 1, most);
	CPU_AND(&sending, &sending, &instances);
	assert_true(CPU_EQUAL(&sending, &instances));
	for (unsigned int cpu = 0; cpu < p->cpus; cpu++)
		assert_in_range(p->taker[cpu], 0, p->instances - 1);
	/* Who has an instance keeps its own packets. */
	for (unsigned int k = 0; k < p->instances; k++)
		assert_int_equal(p->cpu[p->taker[p->cpu[k]]], p->cpu[k]);
}

static void test_many(void **state)
{
	static const char *const machines[] = {
		PAPER,
		NPS4,
		LIMITED,
		"synthetic:core:1 pu:1",
		"synthetic:core:2 pu:1",
		"synthetic:pack:1 [numa] l3:2 core:4 pu:4",
		"synthetic:pack:4 [numa] l3:1 core:32 pu:2",
	};
	static const unsigned int numbers[] = { 0, 1, 2, 3, 16, 61, 256 };
	static struct placement p;
	struct error err = { 0 };
	unsigned int made = 0;

	(void)state;
	for (size_t m = 0; m < sizeof(machines) / sizeof(machines[0]); m++) {
		struct topology *t = machine(machines[m]);

		for (unsigned int i = 0; i < 7 * 7 * 2 * 2 * 3; i++) {
			struct placement_nic nic =
				nic_on((int)(i / 196) - 1, numbers[i / 7 % 7], i % 2);
			struct config config;

			config_defaults(&config);
			config.processes = numbers[i % 7];
			config.numa = i / 49 % 2 ? NUMA_SPREAD : NUMA_BIND;
			config.smt = i / 98 % 2 ? SMT_NO : SMT_YES;
			/* In LIMITED a core's first thread may be the second. */
			if (!strcmp(machines[m], LIMITED))
				config.smt = SMT_YES;
			if (placement_make(t, &config, &nic, 1, false, &p, &err) < 0)
				fail_msg("%s, %u: %s", machines[m], i, err.msg);
			sound(t, &config, &p, nic.queues_most);
			made++;
		}
		free(t);
	}
	print_message("%u placements\n", made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paper),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_no_cpu_on_node),
		cmocka_unit_test(test_no_cpu_at_all),
		cmocka_unit_test(test_odd_threads),
		cmocka_unit_test(test_threads_limit),
		cmocka_unit_test(test_named_far),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
