/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests when an instance counts as silent or stuck, by a toy clock. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "deploy/instance.h"
#include "helpers/log.h"
#include "tests/unit/toy_clock.h"

/* What the linker puts in the place of the functions (Makefile: WRAPPED). */
static struct {
	bool answers;
	int proxies; /* what is heard of a connection through it */
	unsigned int carries;
	unsigned int killed;
	struct step_context plan;
} toy;

int __wrap_kill(pid_t pid, int number);
int __wrap_haproxy_probe_ask(const char *path, enum haproxy_probe about);
int __wrap_haproxy_probe_hear(int fd, enum haproxy_probe about);
int __wrap_haproxy_stats_read(const char *path, unsigned int timeout_ms,
			      struct haproxy_stats *out, struct error *err);

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

/* One instance that runs, with nothing asked yet. */
static struct instances *instances_toy(void)
{
	struct instances *all =
		calloc(1, sizeof(struct instances) + sizeof(struct instance));

	assert_non_null(all);
	memset(&toy, 0, sizeof(toy));
	toy_now_ms = 1000000;
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
	long long start = toy_now_ms;

	while (!all->one[0].silent && toy_now_ms - start < 60000) {
		toy_now_ms += instance_due(&all->one[0], toy_now_ms) + late_ms;
		instance_watch(all, 0);
	}
	return toy_now_ms - start;
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
		toy_now_ms += instance_due(&all->one[0], toy_now_ms);
		instance_watch(all, 0);
	}
	assert_int_equal(toy.killed, 1);
	assert_in_range(toy_now_ms - 1000000, 15000, 15900);
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
	toy_now_ms += 200;
	instance_watch(all, 0); /* asks */
	for (int i = 0; i < 3; i++) {
		toy_now_ms += 3000;
		instance_watch(all, 0);
		assert_false(all->one[0].silent);
	}
	toy.answers = true;
	toy_now_ms += 3000;
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
	long long start = toy_now_ms;

	while (*that != wanted && toy_now_ms - start < most_ms) {
		toy_now_ms += instance_due(&all->one[0], toy_now_ms);
		instance_watch(all, 0);
	}
	return toy_now_ms - start;
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
		toy_now_ms += 3000;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_silent_busy),
		cmocka_unit_test(test_held_up),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_stuck_full),
		cmocka_unit_test(test_silent_not_stuck),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
