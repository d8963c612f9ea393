/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests when an instance counts as silent and what the gate is told, by a toy clock. */
#include <signal.h>
#include <time.h>

#include "deploy/gate.h"
#include "deploy/instance.h"
#include "helpers/log.h"
#include "tests/unit/toy_root.h"

/* What the linker puts in the place of the functions (Makefile: WRAPPED). */
static struct {
	long long now_ms;
	bool answers;
	unsigned int killed;
	struct step_context plan;
	unsigned int well, proxy_port;
	/* The gate, as it was last set, and how often it was. */
	enum tc_gate_state state;
	unsigned int told, asked_port, sets;
} toy;

/* Nobody looks into them. */
static const void *const generations = &toy;

int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_kill(pid_t pid, int number);
int __wrap_haproxy_probe_ask(const char *path);
int __wrap_haproxy_probe_hear(int fd);
int __wrap_tc_gate_find(const struct tc_plan *p, int nsfd, struct tc_gate **out,
			struct error *err);
int __wrap_tc_gate_set(struct tc_gate *g, enum tc_gate_state state, unsigned int hold_ms,
		       struct error *err);
void __wrap_tc_gate_point(struct tc_gate *g, unsigned int proxy_port);
void __wrap_tc_gate_close(struct tc_gate *g);
const struct step_context *__wrap_generations_present(const struct generations *all);
unsigned int __wrap_generations_well(const struct generations *all);
unsigned int __wrap_generations_proxy_port(const struct generations *all);
void __wrap_generations_summary(const struct generations *all, char *text, size_t size);

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	(void)clock;
	*out = (struct timespec){ .tv_sec = toy.now_ms / 1000,
				  .tv_nsec = toy.now_ms % 1000 * 1000000 };
	return 0;
}

int __wrap_kill(pid_t pid, int number)
{
	assert_int_equal(pid, 77);
	toy.killed += number == SIGKILL;
	return 0;
}

int __wrap_haproxy_probe_ask(const char *path)
{
	assert_string_equal(path, "/run/hapep/toy/stats.0");
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int __wrap_haproxy_probe_hear(int fd)
{
	assert_true(fd >= 0);
	return toy.answers ? 0 : -EAGAIN;
}

int __wrap_tc_gate_find(const struct tc_plan *p, int nsfd, struct tc_gate **out,
			struct error *err)
{
	(void)p;
	(void)nsfd;
	(void)err;
	*out = NULL;
	return 0;
}

int __wrap_tc_gate_set(struct tc_gate *g, enum tc_gate_state state, unsigned int hold_ms,
		       struct error *err)
{
	(void)g;
	(void)err;
	assert_int_equal(hold_ms, GATE_HOLD_MS);
	toy.state = state;
	toy.asked_port = toy.told;
	toy.sets++;
	return 0;
}

void __wrap_tc_gate_point(struct tc_gate *g, unsigned int proxy_port)
{
	(void)g;
	toy.told = proxy_port;
}

void __wrap_tc_gate_close(struct tc_gate *g)
{
	(void)g;
}

const struct step_context *__wrap_generations_present(const struct generations *all)
{
	(void)all;
	return &toy.plan;
}

unsigned int __wrap_generations_well(const struct generations *all)
{
	(void)all;
	return toy.well;
}

unsigned int __wrap_generations_proxy_port(const struct generations *all)
{
	(void)all;
	return toy.proxy_port;
}

void __wrap_generations_summary(const struct generations *all, char *text, size_t size)
{
	(void)all;
	snprintf(text, size, "%u serve", toy.well);
}

/* One instance that runs, with nothing asked yet. */
static struct instances *instances_toy(void)
{
	struct instances *all =
		calloc(1, sizeof(struct instances) + sizeof(struct instance));

	assert_non_null(all);
	memset(&toy, 0, sizeof(toy));
	toy.now_ms = 1000000;
	toy.answers = true;
	snprintf(toy.plan.name, sizeof(toy.plan.name), "toy");
	all->c = &toy.plan;
	all->present = true;
	all->n = 1;
	all->one[0] = (struct instance){
		.state = INSTANCE_RUNNING, .pid = 77, .stats_fd = -1, .ask_fd = -1
	};
	instance_watch(all, 0);
	return all;
}

static void instances_drop(struct instances *all)
{
	if (all->one[0].ask_fd >= 0)
		close(all->one[0].ask_fd);
	free(all);
}

/* Looks when the instance is due, and late_ms later than that; returns how long until. */
static long long watch_until_silent(struct instances *all, long long late_ms)
{
	long long start = toy.now_ms;

	while (!all->one[0].silent && toy.now_ms - start < 60000) {
		toy.now_ms += instance_due(&all->one[0], toy.now_ms) + late_ms;
		instance_watch(all, 0);
	}
	return toy.now_ms - start;
}

static void test_silent(void **state)
{
	struct instances *all = instances_toy();
	long long after;

	(void)state;
	toy.answers = false;
	after = watch_until_silent(all, 0);
	assert_true(all->one[0].silent);
	assert_in_range(after, 500, 800); /* the gate shuts within a second */
	assert_int_equal(toy.killed, 0);
	for (int i = 0; i < 1000 && !toy.killed; i++) {
		toy.now_ms += instance_due(&all->one[0], toy.now_ms);
		instance_watch(all, 0);
	}
	assert_int_equal(toy.killed, 1);
	assert_in_range(toy.now_ms - 1000000, 15000, 15900);
	instances_drop(all);
}

/* On a machine where every look comes 30 ms late. */
static void test_silent_busy(void **state)
{
	struct instances *all = instances_toy();

	(void)state;
	toy.answers = false;
	assert_in_range(watch_until_silent(all, 30), 500, 900);
	instances_drop(all);
}

/* The supervisor itself was stopped: the instance has another round. */
static void test_held_up(void **state)
{
	struct instances *all = instances_toy();

	(void)state;
	toy.answers = false;
	toy.now_ms += 200;
	instance_watch(all, 0); /* asks */
	for (int i = 0; i < 3; i++) {
		toy.now_ms += 3000;
		instance_watch(all, 0);
		assert_false(all->one[0].silent);
	}
	toy.answers = true;
	toy.now_ms += 3000;
	instance_watch(all, 0);
	assert_false(all->one[0].silent);
	assert_int_equal(all->one[0].asked_ms, 0);
	assert_int_equal(toy.killed, 0);
	toy.answers = false; /* what was waited for the one answer does not add up */
	assert_in_range(watch_until_silent(all, 0), 500, 800);
	instances_drop(all);
}

static struct gate *gate_toy(const struct toy *t)
{
	struct gate *g = NULL;
	struct error err = { 0 };

	memset(&toy, 0, sizeof(toy));
	toy.now_ms = 1000000;
	toy.well = 2;
	assert_int_equal(gate_open(&toy.plan, -1, t->fd, &g, &err), 0);
	gate_tick(g, generations);
	assert_int_equal(toy.state, TC_GATE_OPEN);
	assert_int_equal(toy.sets, 1);
	return g;
}

static void test_beat(void **state)
{
	struct gate *g = gate_toy(*state);

	toy.now_ms += GATE_BEAT_MS - 1;
	gate_tick(g, generations);
	assert_int_equal(toy.sets, 1);
	toy.now_ms++;
	gate_tick(g, generations);
	assert_int_equal(toy.sets, 2);
	toy.well = 0;
	gate_tick(g, generations);
	assert_int_equal(toy.state, TC_GATE_PASS);
	gate_close(g);
}

/* A TPROXY rule may be there 20 ms after the instances that it leads to. */
static void test_port_at_once(void **state)
{
	struct gate *g = gate_toy(*state);

	toy.proxy_port = 1234;
	toy.now_ms += 20;
	gate_tick(g, generations);
	assert_int_equal(toy.asked_port, 1234);
	assert_int_equal(toy.sets, 2);
	toy.now_ms += 20;
	gate_tick(g, generations);
	assert_int_equal(toy.sets, 2);
	toy.proxy_port = 0;
	gate_tick(g, generations);
	assert_int_equal(toy.asked_port, 0);
	assert_int_equal(toy.sets, 3);
	gate_close(g);
}

static void test_drained(void **state)
{
	struct toy *t = *state;
	struct gate *g = gate_toy(t);

	toy_file(t, "", "%s", GATE_DRAINED_FILE);
	gate_tick(g, generations);
	assert_int_equal(toy.state, TC_GATE_DRAINED);
	assert_int_equal(unlinkat(t->fd, GATE_DRAINED_FILE, 0), 0);
	gate_tick(g, generations);
	assert_int_equal(toy.state, TC_GATE_OPEN);
	gate_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent),  cmocka_unit_test(test_silent_busy),
		cmocka_unit_test(test_held_up), TOY_TEST(test_beat),
		TOY_TEST(test_port_at_once),    TOY_TEST(test_drained),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
