/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A clock that stands until the test moves it: what the linker puts in the place of
 * clock_gettime (Makefile: WRAPPED). */
#ifndef TESTS_UNIT_TOY_CLOCK_H
#define TESTS_UNIT_TOY_CLOCK_H

#include <time.h>

static long long toy_now_ms;

int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	(void)clock;
	*out = (struct timespec){ .tv_sec = toy_now_ms / 1000,
				  .tv_nsec = toy_now_ms % 1000 * 1000000 };
	return 0;
}

#endif
