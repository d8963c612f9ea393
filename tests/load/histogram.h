/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A log-linear histogram of nanoseconds, in the manner of HdrHistogram. */
#ifndef TESTS_LOAD_HISTOGRAM_H
#define TESTS_LOAD_HISTOGRAM_H

#include <stdint.h>

/*
 * Below 256 every value has its own bucket; above, each power of two is cut into 128, so
 * that a bucket is at most 1/128 of its values wide. A percentile is reported as the
 * bucket's middle, hence within 0.4 per cent of the true value.
 */
#define HISTOGRAM_STEPS 128
/* Values from 2^HISTOGRAM_BITS ns (73 minutes) are counted as the largest bucket's. */
#define HISTOGRAM_BITS    42
#define HISTOGRAM_BUCKETS ((HISTOGRAM_BITS - 6) * HISTOGRAM_STEPS)

/* Starts as {0}. One writer; a reader waits until the writer is done. */
struct histogram {
	uint64_t count;
	uint64_t min; /* exact, as is max; both 0 when count is 0 */
	uint64_t max;
	unsigned __int128 sum;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_record(struct histogram *histogram, uint64_t value);

/* Adds all of @from to @into. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/*
 * The smallest value that at least @percent (0 to 100) of the values are not above, to
 * the bucket's precision and never outside min..max; 0 when there is no value.
 */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

/* The exact mean, 0 when there is no value. */
double histogram_mean(const struct histogram *histogram);

#endif
