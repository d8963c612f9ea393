/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what follows from a run's samples: medians, and what each factor does. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/bench_asked.h"
#include "deploy/bench_cost.h"
#include "deploy/bench_result.h"
#include "deploy/bench_target.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

static const json_t *metrics_at(const json_t *result, const char *name,
				unsigned int round)
{
	const json_t *sample = bench_result_sample(result, name, round);

	return !sample || json_object_get(sample, "error")
		       ? NULL
		       : json_object_get(sample, "metrics");
}

/* CPU a transaction over the baseline's of the same round: what the proxy itself costs.
 */
static void above_baseline(json_t *result, const char *baseline)
{
	json_t *sample;
	size_t i;

	json_array_foreach(json_object_get(result, "samples"), i, sample)
	{
		unsigned int round = (unsigned int)bench_number(sample, "round");
		const json_t *base = metrics_at(result, baseline, round);
		json_t *metrics = json_object_get(sample, "metrics");

		if (base && json_object_get(metrics, "cpu_us") &&
		    json_object_get(base, "cpu_us"))
			json_object_set_new(metrics, "cpu_above_us",
					    json_real(bench_number(metrics, "cpu_us") -
						      bench_number(base, "cpu_us")));
	}
}

static void summary_add(const json_t *result, const char *name,
			const struct bench_metric *metrics, size_t metrics_n,
			json_t *tree)
{
	for (size_t i = 0; i < metrics_n; i++) {
		const char *metric = metrics[i].name;
		size_t n;
		_cleanup_free_ double *v = bench_result_values(result, name, metric, &n);
		struct statistics s;
		double sum = 0;

		if (!n)
			continue;
		statistics_of(v, n, &s);
		for (size_t k = 0; k < n; k++)
			sum += v[k];
		json_object_set_new(tree, metric,
				    json_pack("{s:i,s:f,s:f,s:f,s:f,s:f,s:f}", "n",
					      (int)n, "sum", sum, "min", s.minimum, "q1",
					      s.q1, "median", s.median, "q3", s.q3, "max",
					      s.maximum));
	}
}

static json_t *summary_of(const json_t *result, const char *name,
			  const struct bench_suite *suite)
{
	json_t *tree = json_object();

	summary_add(result, name, suite->metrics, suite->metrics_n, tree);
	summary_add(result, name, bench_costs, bench_costs_n, tree);
	return tree;
}

double *bench_result_pairs(const json_t *result, const struct bench_comparison *c,
			   size_t *n)
{
	unsigned int rounds = (unsigned int)bench_number(result, "options.rounds");
	double *v = memory_new(rounds + 1, sizeof(*v));

	*n = 0;
	for (unsigned int round = 1; round <= rounds; round++) {
		const json_t *of = metrics_at(result, c->a, round);
		double a = bench_number(of, c->metric);
		double b = c->b ? bench_number(metrics_at(result, c->b, round), c->metric)
				: 1;

		/* A difference of its own may be less than nothing. */
		if (c->b ? a > 0 && b > 0 : json_object_get(of, c->metric) != NULL)
			v[(*n)++] = c->difference ? a - b : a / b;
	}
	return v;
}

/* What may be said, and no more. low, high: the interval in per cent. */
static const char *verdict(const struct bench_comparison *c, const struct interval *i,
			   double low, double high)
{
	if (i->confidence < STATISTICS_ENOUGH)
		return "too few rounds for a verdict";
	if (!interval_excludes(i, 1))
		return "noise: no difference shown";
	if (!c->source)
		return low > 0 ? "more" : "less";
	if (low <= c->high && high >= c->low)
		return "as in the paper";
	if (c->low <= 0 && c->high >= 0)
		return low > 0 ? "more, and the paper saw no difference"
			       : "less, and the paper saw no difference";
	if ((low > 0) != (c->low > 0))
		return "the opposite of the paper";
	return (low > 0 ? low > c->high : high < c->low) ? "as in the paper, but larger"
							 : "as in the paper, but smaller";
}

/* Why one of the two could not be had; "" where both could. */
static const char *case_reason(const json_t *result, const struct bench_comparison *c)
{
	json_t *tree;
	size_t i;

	json_array_foreach(json_object_get(result, "cases"), i, tree)
	{
		const char *name = json_string_value(json_object_get(tree, "name"));

		if (json_object_get(tree, "reason") &&
		    (!strcmp(name, c->a) || !strcmp(name, c->b)))
			return json_string_value(json_object_get(tree, "reason"));
	}
	return "";
}

static void difference_fill(json_t *tree, const struct interval *i)
{
	const char *verdict = i->confidence < STATISTICS_ENOUGH
				      ? "too few rounds for a verdict"
			      : !interval_excludes(i, 0) ? "noise: no difference shown"
			      : i->low > 0               ? "more"
							 : "less";

	json_object_set_new(tree, "difference", json_real(i->estimate));
	json_object_set_new(tree, "low", json_real(i->low));
	json_object_set_new(tree, "high", json_real(i->high));
	json_object_set_new(tree, "confidence", json_real(i->confidence));
	json_object_set_new(tree, "verdict", json_string(verdict));
}

static json_t *comparison_of(const json_t *result, const struct bench_comparison *c)
{
	json_t *tree = json_pack("{s:s,s:s,s:s,s:s}", "factor", c->factor, "case", c->a,
				 "over", c->b, "metric", c->metric);
	struct interval i;
	size_t n;
	_cleanup_free_ double *v = bench_result_pairs(result, c, &n);
	double low, high;

	if (c->source)
		json_object_set_new(tree, c->source, json_pack("[f,f]", c->low, c->high));
	json_object_set_new(tree, "rounds", json_integer((json_int_t)n));
	if (!n) {
		_cleanup_free_ char *why = memory_printf(
			"not measured%s%s", case_reason(result, c)[0] ? ": " : "",
			case_reason(result, c));

		json_object_set_new(tree, "verdict", json_string(why));
		return tree;
	}
	interval_median(v, n, &i);
	if (c->difference) {
		difference_fill(tree, &i);
		return tree;
	}
	low = (i.low - 1) * 100;
	high = (i.high - 1) * 100;
	json_object_set_new(tree, "percent", json_real((i.estimate - 1) * 100));
	json_object_set_new(tree, "low", json_real(low));
	json_object_set_new(tree, "high", json_real(high));
	json_object_set_new(tree, "confidence", json_real(i.confidence));
	json_object_set_new(tree, "verdict", json_string(verdict(c, &i, low, high)));
	return tree;
}

void bench_result_summarise(json_t *result, const struct bench_suite *suite)
{
	json_t *summary = json_object(), *list = json_array();

	if (suite->baseline)
		above_baseline(result, suite->baseline);
	for (size_t i = 0; i < suite->cases_n; i++) {
		const char *name = suite->cases[i].name;

		if (bench_asked(result, name))
			json_object_set_new(summary, name,
					    summary_of(result, name, suite));
	}
	for (size_t i = 0; i < suite->comparisons_n; i++) {
		const struct bench_comparison *c = &suite->comparisons[i];

		if (bench_asked_both(result, c->a, c->b))
			json_array_append_new(list, comparison_of(result, c));
	}
	bench_targets_fill(result, suite);
	json_object_set_new(result, "summary", summary);
	json_object_set_new(result, "comparisons", list);
}
