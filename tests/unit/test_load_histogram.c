/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The load's histogram against sorted values: error bound, percentiles, merging. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/load/histogram.h"

#define VALUES 100000

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct histogram *histogram_new(void)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));

	assert_non_null(histogram);
	return histogram;
}

static void assert_near(uint64_t got, uint64_t wanted, double share)
{
	double off = fabs((double)got - (double)wanted);

	if (off > share * (double)wanted)
		fail_msg("got %llu, wanted %llu within %g", (unsigned long long)got,
			 (unsigned long long)wanted, share);
}

/* Each value alone between a smaller and a larger one, so that min and max do not help.
 */
static void test_error_bound(void **state)
{
	struct histogram *histogram = histogram_new();

	(void)state;
	for (uint64_t value = 2; value < UINT64_C(1) << HISTOGRAM_BITS;
	     value += value / 1013 + 1) {
		memset(histogram, 0, sizeof(*histogram));
		histogram_record(histogram, 1);
		histogram_record(histogram, value);
		histogram_record(histogram, UINT64_MAX);
		assert_near(histogram_percentile(histogram, 50), value, 1.0 / 256);
		if (value < 256)
			assert_int_equal(histogram_percentile(histogram, 50), value);
	}
	free(histogram);
}

static void test_percentiles_of_sorted(void **state)
{
	static const double percents[] = { 0.001, 1, 10, 50, 90, 99, 99.9, 99.99, 100 };
	uint64_t *value = calloc(VALUES, sizeof(*value)), seed = 42;
	struct histogram *histogram = histogram_new();

	(void)state;
	assert_non_null(value);
	for (size_t i = 0; i < VALUES; i++) {
		/* Spread over magnitudes, as latencies are. */
		value[i] = random_next(&seed) >> (24 + random_next(&seed) % 30);
		histogram_record(histogram, value[i]);
	}
	qsort(value, VALUES, sizeof(*value), compare);
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		size_t rank = (size_t)ceil(percents[i] * VALUES / 100 - 1e-6);

		assert_near(histogram_percentile(histogram, percents[i]), value[rank - 1],
			    0.005);
	}
	assert_int_equal(histogram_percentile(histogram, 0), value[0]);
	assert_int_equal(histogram_percentile(histogram, 100), value[VALUES - 1]);
	free(histogram);
	free(value);
}

/* 1..1000: the 99.9th percentile is the 999th value, for all that binary says. */
static void test_ranks_are_exact(void **state)
{
	struct histogram *histogram = histogram_new();

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++)
		histogram_record(histogram, i <= 999 ? 7 : 200);
	assert_int_equal(histogram_percentile(histogram, 99.9), 7);
	assert_int_equal(histogram_percentile(histogram, 99.91), 200);
	assert_int_equal(histogram_percentile(histogram, 50), 7);
	free(histogram);
}

static void test_empty_and_single(void **state)
{
	struct histogram *histogram = histogram_new();

	(void)state;
	assert_int_equal(histogram_percentile(histogram, 50), 0);
	assert_true(histogram_mean(histogram) == 0);
	histogram_record(histogram, 123456789);
	for (int percent = 0; percent <= 100; percent++)
		assert_int_equal(histogram_percentile(histogram, percent), 123456789);
	assert_true(histogram_mean(histogram) == 123456789);
	assert_int_equal(histogram->min, 123456789);
	assert_int_equal(histogram->max, 123456789);
	free(histogram);
}

static void test_extremes(void **state)
{
	struct histogram *histogram = histogram_new();

	(void)state;
	histogram_record(histogram, 0);
	histogram_record(histogram, UINT64_MAX);
	histogram_record(histogram, UINT64_MAX);
	assert_int_equal(histogram->min, 0);
	assert_int_equal(histogram->max, UINT64_MAX);
	assert_int_equal(histogram_percentile(histogram, 1), 0);
	assert_int_equal(histogram_percentile(histogram, 100), UINT64_MAX);
	/* Too large for a bucket of its own: the largest bucket, and no overflow. */
	assert_true(histogram_percentile(histogram, 60) >= UINT64_C(1) << 41);
	assert_true(histogram_mean(histogram) > 1.2e19);
	free(histogram);
}

static void test_merge_is_recording_all(void **state)
{
	struct histogram *all = histogram_new(), *merged = histogram_new();
	uint64_t seed = 7;

	(void)state;
	for (int part = 0; part < 4; part++) {
		struct histogram *one = histogram_new();

		/* The third is empty: its min of 0 must not count. */
		for (int i = 0; part != 2 && i < 1000; i++) {
			uint64_t value = 1000 + (random_next(&seed) >> (30 + part));

			histogram_record(all, value);
			histogram_record(one, value);
		}
		histogram_merge(merged, one);
		free(one);
	}
	assert_memory_equal(all, merged, sizeof(*all));
	free(all);
	free(merged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_bound),
		cmocka_unit_test(test_percentiles_of_sorted),
		cmocka_unit_test(test_ranks_are_exact),
		cmocka_unit_test(test_empty_and_single),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_merge_is_recording_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
