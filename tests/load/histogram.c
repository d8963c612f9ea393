/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records, merges and reads log-linear histograms. */
#include "tests/load/histogram.h"

#include <math.h>
#include <stddef.h>

/* log2 of HISTOGRAM_STEPS. */
#define STEP_BITS 7

static size_t bucket_of(uint64_t value)
{
	int shift;

	if (value >> HISTOGRAM_BITS)
		value = (UINT64_C(1) << HISTOGRAM_BITS) - 1;
	if (value < 2 * HISTOGRAM_STEPS)
		return (size_t)value;
	shift = 63 - __builtin_clzll(value) - STEP_BITS;
	return (size_t)shift * HISTOGRAM_STEPS + (size_t)(value >> shift);
}

static uint64_t bucket_middle(size_t bucket)
{
	unsigned int shift;
	uint64_t low;

	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;
	shift = (unsigned int)(bucket / HISTOGRAM_STEPS) - 1;
	low = (uint64_t)(bucket - (size_t)shift * HISTOGRAM_STEPS) << shift;
	return low + (UINT64_C(1) << shift) / 2;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
	if (!histogram->count || value < histogram->min)
		histogram->min = value;
	if (value > histogram->max)
		histogram->max = value;
	histogram->count++;
	histogram->sum += value;
	histogram->bucket[bucket_of(value)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (!from->count)
		return;
	if (!into->count || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

static uint64_t clamp(const struct histogram *histogram, uint64_t value)
{
	if (value < histogram->min)
		return histogram->min;
	return value > histogram->max ? histogram->max : value;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
	uint64_t rank, seen = 0;

	if (!histogram->count)
		return 0;
	/* 99.9 per cent of 1000 is 999.00000000000011 in binary: not the 1000th value. */
	rank = (uint64_t)ceil(percent / 100 * (double)histogram->count - 1e-6);
	if (rank <= 1)
		return histogram->min;
	if (rank >= histogram->count)
		return histogram->max;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (seen >= rank)
			return clamp(histogram, bucket_middle(i));
	}
	return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
	if (!histogram->count)
		return 0;
	return (double)histogram->sum / (double)histogram->count;
}
