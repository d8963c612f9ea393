/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What repeated measurements say: median, spread, and how sure a difference is. */
#ifndef HELPERS_STATISTICS_H
#define HELPERS_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* Quartiles by linear interpolation between order statistics (Hyndman and Fan's 7). */
struct statistics {
	size_t n;
	double minimum, q1, median, q3, maximum;
};

/* All zero where n is 0. v need not be sorted. */
void statistics_of(const double *v, size_t n, struct statistics *out);

/*
 * An estimate and the interval around it. confidence is the probability, whatever the
 * measurements' distribution, that such an interval covers the true value: the least
 * that few ranks allow which is at least STATISTICS_CONFIDENCE, or where n is too small
 * for that, what the whole range has.
 */
struct interval {
	double low, estimate, high;
	double confidence;
};

#define STATISTICS_CONFIDENCE 0.95
/* Five pairs' whole range: the least on which a verdict rests. */
#define STATISTICS_ENOUGH 0.93

/*
 * The median of n values, by the sign test's order statistics. For pairs measured next
 * to each other: give it their ratios. n > 0.
 */
void interval_median(const double *v, size_t n, struct interval *out);

/*
 * By how much b is to be multiplied to get a: the median of all ratios a[i]/b[j]
 * (Hodges and Lehmann), and the interval that belongs to the Mann-Whitney test, exact up
 * to 40 values a side and by its normal approximation beyond. For two runs that know
 * nothing of each other. n and m > 0, all values > 0.
 */
void interval_ratio(const double *a, size_t n, const double *b, size_t m,
		    struct interval *out);

/* Whether it leaves `value` out, and is sure enough for a verdict. */
bool interval_excludes(const struct interval *i, double value);

#endif
