/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests that programs run within limits end when they should. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "helpers/run.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int sh(const char *line, const struct run_limits *limits, struct text *out,
	      struct error *err)
{
	const char *argv[] = { "sh", "-c", line, NULL };

	return run_program_within(argv, limits, out, err);
}

static void test_ends(void **state)
{
	static const char *const environment[] = { "WORD=yes", NULL };
	const struct run_limits limits = { environment, -1, 0 };
	_cleanup_text_ struct text out = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(sh("echo $WORD $LC_ALL; cat", &limits, &out, &err), 0);
	assert_string_equal(out.text, "yes C\n");
	assert_int_equal(sh("echo more; echo no >&2; exit 3", &limits, &out, &err),
			 -EPROTO);
	assert_string_equal(out.text, "yes C\nmore\n");
	assert_string_equal(err.msg, "sh says: no");
	assert_int_equal(run_program_within((const char *const[]){ "/none/such", NULL },
					    &limits, &out, &err),
			 -ENOENT);
}

static void test_timeout(void **state)
{
	const struct run_limits limits = { NULL, -1, 2 };
	_cleanup_text_ struct text out = { 0 };
	struct error err = { 0 };
	double started = now();

	(void)state;
	assert_int_equal(sh("echo before; sleep 60 & wait", &limits, &out, &err),
			 -ETIMEDOUT);
	assert_true(now() - started < 30);
	assert_string_equal(out.text, "before\n");
	assert_string_equal(err.msg, "sh did not end within 2 s");
}

/* The whole group goes: a child of the shell's too. */
static void test_cancel(void **state)
{
	int cancel = eventfd(1, EFD_CLOEXEC);
	const struct run_limits limits = { NULL, cancel, 0 };
	struct error err = { 0 };
	double started = now();

	(void)state;
	assert_int_equal(
		sh("trap 'echo ended' TERM; sleep 60 & wait", &limits, NULL, &err),
		-ECANCELED);
	assert_true(now() - started < 30);
	assert_string_equal(err.msg, "sh was interrupted");
	close(cancel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
