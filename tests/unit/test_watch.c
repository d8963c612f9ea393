/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests when an instance counts as silent or stuck and what the gate is told, by a toy
 * clock. */
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
	int proxies; /* what is heard of a connection through it */
	unsigned int carries;
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
int __wrap_haproxy_probe_ask(const char *path, enum haproxy_probe about);
int __wrap_haproxy_probe_hear(int fd, enum haproxy_probe about);
int __wrap_haproxy_stats_read(const char *path, unsigned int timeout_ms,
			      struct haproxy_stats *out, struct error *err);
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

int __wrap_haproxy_probe_ask(const char *path, enum haproxy_probe about)
{
	assert_string_equal(path, about == HAPROXY_PROBE_LIFE ? "/run/hapep/toy/stats.0"
							      : "/run/hapep/toy/probe.0");
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int __wrap_haproxy_probe_hear(int fd, enum haproxy_probe about)
{
	assert_true(fd >= 0);
	if (!toy.answers)
		return -EAGAIN;
	return about == HAPROXY_PROBE_LIFE ? 0 : toy.proxies;
}

int __wrap_haproxy_stats_read(const char *path, unsigned int timeout_ms,
			      struct haproxy_stats *out, struct error *err)
{
	(void)err;
	assert_string_equal(path, "/run/hapep/toy/stats.0");
	assert_in_range(timeout_ms, 1, 100); /* the supervisor waits for it */
	*out = (struct haproxy_stats){ .current_connections = toy.carries,
				       .max_connections = 100 };
	return 0;
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
		.state = INSTANCE_RUNNING, .pid = 77, .stats_fd = -1, .probe_fd = -1
	};
	question_init(&all->one[0].life, HAPROXY_PROBE_LIFE);
	question_init(&all->one[0].proxy, HAPROXY_PROBE_PROXY);
	instance_watch(all, 0);
	return all;
}

static void instances_drop(struct instances *all)
{
	instance_ask_no_more(&all->one[0]);
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
	assert_int_equal(all->one[0].life.asked_ms, 0);
	assert_int_equal(toy.killed, 0);
	toy.answers = false; /* what was waited for the one answer does not add up */
	assert_in_range(watch_until_silent(all, 0), 500, 800);
	instances_drop(all);
}

/* Looks when the instance is due, for so long or until that is as wanted. */
static long long watch_for(struct instances *all, const bool *that, bool wanted,
			   long long most_ms)
{
	long long start = toy.now_ms;

	while (*that != wanted && toy.now_ms - start < most_ms) {
		toy.now_ms += instance_due(&all->one[0], toy.now_ms);
		instance_watch(all, 0);
	}
	return toy.now_ms - start;
}

/* Connections through it are cut off: three in a row are no accident. */
static void test_stuck(void **state)
{
	struct instances *all = instances_toy();
	struct instance *i = &all->one[0];

	(void)state;
	toy.proxies = -ECONNRESET;
	assert_in_range(watch_for(all, &i->stuck, true, 60000), 250, 600);
	assert_false(i->silent);
	assert_string_equal(instance_state_name(i), "not-proxying");
	assert_non_null(strstr(i->fault, "ends without"));
	assert_true(instance_idles(i));
	toy.proxies = 0;
	assert_in_range(watch_for(all, &i->stuck, false, 60000), 1, 700);
	assert_true(instance_serves(i));
	assert_int_equal(toy.killed, 0);
	toy.proxies = -ECONNRESET; /* once is an accident */
	watch_for(all, &i->stuck, true, 250);
	toy.proxies = 0;
	watch_for(all, &i->stuck, true, 5000);
	assert_false(i->stuck);
	instances_drop(all);
}

/* They stay away, as in one that is full; the supervisor's own delays do not count. */
static void test_stuck_full(void **state)
{
	struct instances *all = instances_toy();
	struct instance *i = &all->one[0];

	(void)state;
	toy.carries = 100;
	toy.proxies = -EAGAIN;
	watch_for(all, &i->stuck, true, 300);
	for (int late = 0; late < 4; late++) {
		toy.now_ms += 3000;
		instance_watch(all, 0);
		assert_false(i->stuck);
	}
	assert_in_range(watch_for(all, &i->stuck, true, 60000), 300, 1000);
	assert_non_null(strstr(i->fault, "full: 100 connections of at most 100"));
	watch_for(all, &i->stuck, false, 120000); /* whoever carries something lives */
	assert_true(i->stuck);
	assert_int_equal(toy.killed, 0);
	toy.carries = 0;
	watch_for(all, &i->stuck, false, 1500);
	assert_in_range(toy.killed, 1, 2);
	instances_drop(all);
}

/* One fault at a time: it was stopped, and then it proxies like before. */
static void test_silent_not_stuck(void **state)
{
	struct instances *all = instances_toy();
	struct instance *i = &all->one[0];

	(void)state;
	toy.answers = false;
	watch_for(all, &i->stuck, true, 5000);
	assert_true(i->silent);
	toy.answers = true;
	watch_for(all, &i->stuck, true, 5000);
	assert_true(instance_serves(i));
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
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_silent_busy),
		cmocka_unit_test(test_held_up),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_stuck_full),
		cmocka_unit_test(test_silent_not_stuck),
		TOY_TEST(test_beat),
		TOY_TEST(test_port_at_once),
		TOY_TEST(test_drained),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
