/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests medians, spreads, and that intervals cover what they promise to cover. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helpers/statistics.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static void test_spread(void **state)
{
	static const double odd[] = { 5, 1, 4, 2, 3 }, even[] = { 40, 10, 30, 20 };
	struct statistics s;

	(void)state;
	statistics_of(odd, 5, &s);
	assert_int_equal(s.n, 5);
	NEAR(s.minimum, 1);
	NEAR(s.q1, 2);
	NEAR(s.median, 3);
	NEAR(s.q3, 4);
	NEAR(s.maximum, 5);
	statistics_of(even, 4, &s);
	NEAR(s.median, 25);
	NEAR(s.q1, 17.5);
	NEAR(s.q3, 32.5);
	statistics_of(odd, 1, &s);
	NEAR(s.median, 5);
	NEAR(s.maximum, 5);
	statistics_of(NULL, 0, &s);
	assert_int_equal(s.n, 0);
	NEAR(s.median, 0);
}

/* Against the tables of the sign test. */
static void test_median_ranks(void **state)
{
	static const double v[] = { 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 };
	struct interval i;

	(void)state;
	interval_median(v, 5, &i);
	NEAR(i.confidence, 1 - 2.0 / 32);
	NEAR(i.low, 6);
	NEAR(i.high, 10);
	NEAR(i.estimate, 8);
	interval_median(v, 8, &i);
	NEAR(i.confidence, 1 - 2.0 / 256);
	NEAR(i.low, 3);
	NEAR(i.high, 10);
	interval_median(v, 10, &i); /* 2nd to 9th: 1 - 2 * 11/1024 */
	NEAR(i.confidence, 1 - 22.0 / 1024);
	NEAR(i.low, 2);
	NEAR(i.high, 9);
	interval_median(v, 1, &i);
	NEAR(i.confidence, 0);
	NEAR(i.low, 10);
}

/* Against the tables of Mann and Whitney: U of 5 and 5 is critical at 2. */
static void test_ratio_ranks(void **state)
{
	static const double a[] = { 2, 4, 6, 8, 10 }, b[] = { 1, 1, 1, 1, 1 };
	struct interval i;

	(void)state;
	interval_ratio(a, 5, b, 5, &i);
	NEAR(i.confidence, 1 - 2 * 4.0 / 252);
	NEAR(i.estimate, 6);
	NEAR(i.low, 2);
	NEAR(i.high, 10);
	interval_ratio(a, 3, b, 3, &i); /* the whole range: 1 - 2/20 */
	NEAR(i.confidence, 0.9);
	interval_ratio(a, 1, b, 1, &i);
	NEAR(i.confidence, 0);
	NEAR(i.estimate, 2);
}

/* A generator of our own: the same numbers everywhere. */
static double uniform(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return ((double)(*seed >> 11) + 0.5) / (double)(UINT64_C(1) << 53);
}

/* Skewed, as latencies are; its median is e^mean. */
static double lognormal(uint64_t *seed, double mean, double sd)
{
	double r = sqrt(-2 * log(uniform(seed)));

	return exp(mean + sd * r * cos(6.283185307179586 * uniform(seed)));
}

static void test_coverage(void **state)
{
	static const size_t sizes[] = { 5, 6, 9, 20, 45 };
	uint64_t seed = 7;

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		size_t n = sizes[k], trials = n > 40 ? 500 : 4000;
		double one = 0, two = 0, promised[2] = { 0 };

		for (size_t t = 0; t < trials; t++) {
			double a[64], b[64];
			struct interval i;

			for (size_t j = 0; j < n; j++) {
				a[j] = lognormal(&seed, 0.1, 0.3);
				b[j] = lognormal(&seed, 0, 0.3);
			}
			interval_median(a, n, &i);
			one += i.low <= exp(0.1) && exp(0.1) <= i.high;
			promised[0] = i.confidence;
			interval_ratio(a, n, b, n, &i);
			two += i.low <= exp(0.1) && exp(0.1) <= i.high;
			promised[1] = i.confidence;
		}
		/* Within four standard errors of what is promised. */
		for (int w = 0; w < 2; w++) {
			double p = promised[w], seen = (w ? two : one) / (double)trials;
			double off = 4 * sqrt(p * (1 - p) / (double)trials) + 0.003;

			if (fabs(seen - p) > off)
				fail_msg("%zu values: %.4f promised, %.4f seen", n, p,
					 seen);
		}
	}
}

static void test_verdict(void **state)
{
	struct interval sure = { 1.01, 1.05, 1.1, 0.9375 },
			few = { 1.01, 1.05, 1.1, 0.75 };

	(void)state;
	assert_true(interval_excludes(&sure, 1));
	assert_false(interval_excludes(&sure, 1.05));
	assert_false(interval_excludes(&few, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread),      cmocka_unit_test(test_median_ranks),
		cmocka_unit_test(test_ratio_ranks), cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
