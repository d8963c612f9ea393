/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what top reads of a machine, and what two readings come to. */
#include "deploy/top.h"
#include "tests/unit/toy_root.h"

/* No state directory has such a name, so no instance answers. */
#define NOWHERE "unit/none"

static struct top_source *source_new(const struct toy *t)
{
	struct top_source *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->name = NOWHERE;
	s->root = t ? t->fd : -1;
	s->nsfd = -1;
	s->plan.haproxy.processes = 2;
	strcpy(s->plan.nic[0].name, "none0");
	strcpy(s->plan.nic[1].name, "none0");
	strcpy(s->plan.netns.side[0].host, "none0-c");
	strcpy(s->plan.netns.side[1].host, "none0-s");
	s->plan.placement.rows = 3;
	s->plan.placement.row[0] =
		(struct placement_row){ .queue = 0, .cpu = 4, .node = 1, .instance = 0 };
	s->plan.placement.row[1] =
		(struct placement_row){ .queue = 1, .cpu = 5, .node = 1, .instance = 1 };
	s->plan.placement.row[2] =
		(struct placement_row){ .queue = 2, .cpu = 4, .node = 1, .instance = -1 };
	return s;
}

static void test_read(void **state)
{
	struct toy *t = *state;
	struct top_sample *a = calloc(1, sizeof(*a)), *before = calloc(1, sizeof(*a));
	struct top_source *s = source_new(t);
	unsigned int irq[] = { 41, 42 };

	s->irq = irq;
	s->n_irq = 2;
	/* CPU 1 is offline: no line, no column. */
	toy_file(t,
		 "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 10 1 20 300 40 2 7 3 5 0\n"
		 "cpu2 1 0 0 1 0 0 9 0 0 0\nintr 5 1 2\n",
		 "proc/stat");
	toy_file(t,
		 "           CPU0       CPU2       \n"
		 "  4:          9          9  IO-APIC   4-edge      ttyS0\n"
		 " 41:        100          7  PCI-MSIX-0000:00:03.0   1-edge  virtio0-i\n"
		 " 42:          0         30  PCI-MSIX-0000:00:03.0   2-edge  virtio0-o\n"
		 "NMI:          1          1  Non-maskable interrupts\n"
		 "ERR:          0",
		 "proc/interrupts");
	toy_file(t, "0000000a 1 2 0 0 0 0 0 0 0 0 0 00000002 0 0",
		 "proc/net/softnet_stat");
	toy_file(t, "3", "sys/class/net/none0/statistics/rx_dropped");
	toy_file(t, "4", "sys/class/net/none0/statistics/rx_missed_errors");
	toy_file(t, "5", "sys/class/net/none0-s/statistics/tx_dropped");
	before->instance[1] =
		(struct top_instance){ .answers = true, .known = true, .total = 77 };
	top_read(s, before, a);
	assert_int_equal(a->core[0].softirq, 7);
	assert_int_equal(a->core[0].ticks, 383);
	assert_int_equal(a->core[0].busy, 43);
	assert_false(a->core[1].online);
	assert_int_equal(a->core[2].packets, 10);
	assert_int_equal(a->core[2].dropped, 1);
	assert_int_equal(a->core[2].squeezed, 2);
	assert_int_equal(a->core[0].interrupts, 100);
	assert_int_equal(a->core[1].interrupts, 0);
	assert_int_equal(a->core[2].interrupts, 37);
	assert_int_equal(a->nic_drops, 12);
	assert_false(a->instance[0].known);
	assert_true(a->instance[1].known && !a->instance[1].answers);
	assert_int_equal(a->instance[1].total, 77);
	free(a);
	free(before);
	free(s);
}

static long long at(const json_t *tree, const char *member, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(tree, member), key));
}

static const json_t *core(const json_t *tree, size_t index, const char *key)
{
	const json_t *row = json_array_get(json_object_get(tree, "cores"), index);

	return json_object_get(row, key);
}

/* Two seconds in which CPU 4 and its instance did something. */
static void interval(struct top_sample *a, struct top_sample *b)
{
	a->at = 10;
	b->at = 12;
	for (int k = 0; k < 2; k++)
		a->instance[k] = b->instance[k] = (struct top_instance){
			.answers = true, .known = true, .connections = 3, .total = 1000
		};
	b->instance[0].total = 1050;
	b->core[4] = (struct top_core){ .online = true,
					.softirq = 50,
					.busy = 150,
					.ticks = 200,
					.packets = 4000,
					.accepted = 40,
					.local = 30 };
	b->queue[0][0] = 200;
	b->queue[0][2] = 100;
	b->core[7] = (struct top_core){ .online = true, .dropped = 9 };
}

/* What the supervisor does not tell is not known, and what leaves counts apart. */
static void test_leaving(void **state)
{
	struct top_sample *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	struct top_source *s = source_new(NULL);
	struct text text = { 0 };
	json_t *tree;

	(void)state;
	interval(a, b);
	tree = top_tree(s, a, b);
	assert_true(json_is_null(
		json_object_get(json_object_get(tree, "total"), "leaving_connections")));
	json_decref(tree);
	b->leaving = (struct top_leaving){ true, 2, 17, 0 };
	tree = top_tree(s, a, b);
	assert_int_equal(at(tree, "total", "leaving_generations"), 2);
	assert_int_equal(at(tree, "total", "leaving_connections"), 17);
	assert_int_equal(at(tree, "total", "connections"), 6);
	top_text(tree, &text);
	assert_non_null(
		strstr(text.text, "leaving: 17 connections of 2 former generations\n"));
	text_free(&text);
	json_decref(tree);
	b->leaving.silent = 1;
	tree = top_tree(s, a, b);
	assert_int_equal(at(tree, "total", "leaving_generations"), 2);
	assert_true(json_is_null(
		json_object_get(json_object_get(tree, "total"), "leaving_connections")));
	top_text(tree, &text);
	assert_non_null(strstr(text.text, "leaving: 2 former generations; an instance"));
	text_free(&text);
	json_decref(tree);
	free(a);
	free(b);
	free(s);
}

static void test_tree(void **state)
{
	struct top_sample *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	struct top_source *s = source_new(NULL);
	struct text text = { 0 };
	json_t *tree;

	(void)state;
	interval(a, b);
	s->queues[0] = 3;
	s->locality = (struct haproxy_locality *)(void *)s; /* only asked whether */
	tree = top_tree(s, a, b);
	assert_int_equal(at(tree, "total", "transactions"), 50);
	assert_int_equal(at(tree, "total", "tps"), 25);
	assert_int_equal(at(tree, "total", "connections"), 6);
	assert_int_equal(at(tree, "total", "backlog_drops"), 9);
	/* CPUs 4 and 5 by the placement, 7 since it dropped. */
	assert_int_equal(json_array_size(json_object_get(tree, "cores")), 3);
	assert_int_equal(json_integer_value(core(tree, 0, "cpu")), 4);
	assert_int_equal(json_array_size(core(tree, 0, "queues")), 2);
	assert_int_equal(json_integer_value(core(tree, 0, "queue_packets_s")), 150);
	assert_int_equal(json_integer_value(core(tree, 0, "packets_s")), 2000);
	assert_true(json_real_value(core(tree, 0, "softirq_share")) == 0.25);
	assert_true(json_real_value(core(tree, 0, "busy_share")) == 0.75);
	assert_true(json_real_value(core(tree, 0, "local_share")) == 0.75);
	assert_true(json_is_null(core(tree, 0, "interrupts_s"))); /* it has none */
	assert_true(json_is_null(core(tree, 1, "local_share")));  /* of none accepted */
	assert_int_equal(json_integer_value(core(tree, 2, "cpu")), 7);
	assert_true(json_is_null(core(tree, 2, "transactions"))); /* no instance there */
	assert_int_equal(json_integer_value(core(tree, 2, "drops")), 9);
	top_text(tree, &text);
	assert_non_null(strstr(text.text, "accepted on the receiving core: 75.0 %"));
	assert_non_null(strstr(text.text, "0,2"));
	assert_null(strstr(text.text, "leaving"));
	text_free(&text);
	json_decref(tree);
	free(a);
	free(b);
	free(s);
}

/* Counters that start anew, that were never known, that are not asked now. */
static void test_restarts(void **state)
{
	struct top_sample *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	struct top_source *s = source_new(NULL);
	json_t *tree;

	(void)state;
	interval(a, b);
	b->instance[0].total = 20; /* its counters were cleared */
	tree = top_tree(s, a, b);
	assert_int_equal(at(tree, "total", "transactions"), 20);
	json_decref(tree);
	b->instance[0].total = 1030; /* another process, which has served as many */
	b->instance[0].pid = 7;
	tree = top_tree(s, a, b);
	assert_int_equal(at(tree, "total", "transactions"), 1030);
	json_decref(tree);
	a->instance[0].known = false;
	b->instance[1].answers = false;
	tree = top_tree(s, a, b);
	assert_int_equal(at(tree, "total", "transactions"), 0);
	assert_int_equal(at(tree, "total", "answering"), 1);
	assert_true(json_is_string(json_object_get(tree, "local_unknown")));
	json_decref(tree);
	/* Threads of one instance: what is each one's is not known. */
	b->instance[0].pid = 0;
	interval(a, b);
	s->plan.haproxy.model = HAPROXY_MODEL_THREADS;
	tree = top_tree(s, a, b);
	assert_int_equal(at(tree, "total", "transactions"), 50);
	assert_true(json_is_null(core(tree, 0, "transactions")));
	json_decref(tree);
	free(a);
	free(b);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOY_TEST(test_read),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
