/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns order statistics and the intervals that ranks give. */
#include "helpers/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"

#define EXACT_MAX 40

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double *sorted(const double *v, size_t n)
{
	double *s = memory_new(n ? n : 1, sizeof(*s));

	if (n)
		memcpy(s, v, n * sizeof(*s));
	qsort(s, n, sizeof(*s), compare_doubles);
	return s;
}

static double quantile(const double *s, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at;

	return i + 1 < n ? s[i] + (at - (double)i) * (s[i + 1] - s[i]) : s[n - 1];
}

void statistics_of(const double *v, size_t n, struct statistics *out)
{
	_cleanup_free_ double *s = sorted(v, n);

	memset(out, 0, sizeof(*out));
	out->n = n;
	if (!n)
		return;
	out->minimum = s[0];
	out->q1 = quantile(s, n, 0.25);
	out->median = quantile(s, n, 0.5);
	out->q3 = quantile(s, n, 0.75);
	out->maximum = s[n - 1];
}

/*
 * Leaves k of n sorted values out at each end. below[i]: the probability that at most i
 * of them lie beyond the true value.
 */
static void interval_cut(const double *s, size_t n, const double *below,
			 struct interval *out)
{
	size_t k = 0;

	while (2 * (k + 1) < n && 1 - 2 * below[k + 1] >= STATISTICS_CONFIDENCE)
		k++;
	out->low = s[k];
	out->high = s[n - 1 - k];
	out->estimate = quantile(s, n, 0.5);
	out->confidence = 1 - 2 * below[k];
	if (out->confidence < 0)
		out->confidence = 0;
}

void interval_median(const double *v, size_t n, struct interval *out)
{
	_cleanup_free_ double *s = sorted(v, n);
	_cleanup_free_ double *below = memory_new(n + 1, sizeof(*below));
	double term = pow(0.5, (double)n), sum = 0;

	for (size_t i = 0; i <= n; i++) {
		sum += term;
		below[i] = sum;
		term = term * (double)(n - i) / (double)(i + 1);
	}
	interval_cut(s, n, below, out);
}

/*
 * P(U <= u) of the Mann-Whitney statistic. With n + m values, the greatest is one of the
 * first kind with probability n / (n + m), and then beats all m of the other.
 */
static double *mann_whitney(size_t n, size_t m)
{
	size_t top = n * m, row = top + 1;
	double *p = memory_new((m + 1) * row, sizeof(*p));
	double *sums = memory_new(row, sizeof(*sums));
	double sum = 0;

	for (size_t j = 0; j <= m; j++)
		p[j * row] = 1;
	for (size_t i = 1; i <= n; i++) {
		/* In place: p[j] is of (i - 1, j) until it becomes that of (i, j). */
		for (size_t j = 1; j <= m; j++) {
			double mine = (double)i / (double)(i + j);

			for (size_t u = i * j + 1; u-- > 0;)
				p[j * row + u] =
					(u >= j ? mine * p[j * row + u - j] : 0) +
					(1 - mine) * p[(j - 1) * row + u];
		}
	}
	for (size_t u = 0; u <= top; u++) {
		sum += p[m * row + u];
		sums[u] = sum;
	}
	free(p);
	return sums;
}

static double *mann_whitney_normal(size_t n, size_t m)
{
	double *sums = memory_new(n * m + 1, sizeof(*sums));
	double mean = (double)n * (double)m / 2;
	double sd = sqrt((double)n * (double)m * (double)(n + m + 1) / 12);

	for (size_t u = 0; u <= n * m; u++)
		sums[u] = 0.5 * erfc((mean - (double)u - 0.5) / sd / sqrt(2));
	return sums;
}

void interval_ratio(const double *a, size_t n, const double *b, size_t m,
		    struct interval *out)
{
	_cleanup_free_ double *ratios = memory_new(n * m, sizeof(*ratios));
	_cleanup_free_ double *below = n > EXACT_MAX || m > EXACT_MAX
					       ? mann_whitney_normal(n, m)
					       : mann_whitney(n, m);
	_cleanup_free_ double *s = NULL;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < m; j++)
			ratios[i * m + j] = a[i] / b[j];
	}
	s = sorted(ratios, n * m);
	interval_cut(s, n * m, below, out);
}

bool interval_excludes(const struct interval *i, double value)
{
	return i->confidence >= STATISTICS_ENOUGH && (value < i->low || value > i->high);
}
