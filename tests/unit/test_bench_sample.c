/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests that a sample waits for a quiet machine, on a /proc/stat of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "deploy/bench.h"

/* Two CPUs, in ticks of 10 ms; others use `use` of each 0.2 s, until `until` have passed.
 */
static struct {
	double seconds, until, use;
	unsigned long busy, idle;
	char text[256];
} machine;

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
int __wrap_nanosleep(const struct timespec *wait, struct timespec *left);

FILE *__wrap_fopen(const char *path, const char *mode)
{
	if (strcmp(path, "/proc/stat") != 0)
		return __real_fopen(path, mode);
	snprintf(machine.text, sizeof(machine.text),
		 "cpu  %lu 0 0 %lu 0 0 0 0 0 0\nctxt 1\n", machine.busy, machine.idle);
	return fmemopen(machine.text, strlen(machine.text), "r");
}

int __wrap_nanosleep(const struct timespec *wait, struct timespec *left)
{
	double seconds = (double)wait->tv_sec + (double)wait->tv_nsec / 1e9;
	double use = machine.seconds < machine.until ? machine.use : 0.05;

	(void)left;
	machine.seconds += seconds;
	machine.busy += (unsigned long)(200 * seconds * use + 0.5);
	machine.idle += (unsigned long)(200 * seconds * (1 - use) + 0.5);
	return 0;
}

/* The looks it takes, with others at `use` until then; *background: what is kept. */
static int looks(double use, double until, bool quick, double *background)
{
	struct bench b = { .signals = -1, .quick = quick };
	json_t *sample = json_object(), *metrics;
	struct error err = { 0 };
	int n;

	memset(&machine, 0, sizeof(machine));
	machine.use = use;
	machine.until = until;
	assert_int_equal(bench_sample_begin(&b, sample, &metrics, &err), 0);
	*background = bench_number(sample, "background");
	n = (int)bench_number(sample, "looks");
	assert_true(machine.seconds > n * 0.2 - 0.001 &&
		    machine.seconds < n * 0.2 + 0.001);
	json_decref(sample);
	return n;
}

static void near(double found, double wanted)
{
	assert_true(found > wanted - 1e-9 && found < wanted + 1e-9);
}

static void test_quiet(void **state)
{
	double background;

	(void)state;
	/* Five per cent is quiet still. */
	assert_int_equal(looks(0, 0, false, &background), 1);
	near(background, 0.05);
	/* One tick more is not: it waits until it is, and keeps what it then found. */
	assert_int_equal(looks(0.075, 0.5, false, &background), 4);
	near(background, 0.05);
	/* Never quiet: two seconds, and what the last of them was like. */
	assert_int_equal(looks(0.5, 60, false, &background), 10);
	near(background, 0.5);
	assert_int_equal(looks(0.5, 60, true, &background), 1);
	near(background, 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_quiet) };

	return cmocka_run_group_tests_name("bench_sample", tests, NULL, NULL);
}
