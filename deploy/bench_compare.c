/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the comparison of two runs. */
#include "deploy/bench_compare.h"

#include <stdio.h>
#include <string.h>

#include "deploy/bench_result.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

#define METHOD                                                                             \
	"median of all ratios of a sample of B to one of A (Hodges and Lehmann), and the " \
	"interval of the Mann-Whitney test: it knows the samples' spread, and nothing of " \
	"what changed between the two runs besides"

static bool positive(const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!(v[i] > 0))
			return false;
	}
	return n > 0;
}

static const char *verdict(const struct interval *i, bool less)
{
	if (i->confidence < STATISTICS_ENOUGH)
		return "too few samples for a verdict";
	if (!interval_excludes(i, 1))
		return "noise: no difference shown";
	return (i->low > 1) == less ? "B is worse" : "B is better";
}

static void metric_compare(const json_t *a, const json_t *b, const char *name,
			   const struct bench_metric *m, json_t *rows)
{
	size_t n, k;
	_cleanup_free_ double *of_a = bench_result_values(a, name, m->name, &n);
	_cleanup_free_ double *of_b = bench_result_values(b, name, m->name, &k);
	_cleanup_free_ char *ratio = NULL, *range = NULL, *sure = NULL;
	struct interval i;

	if (!positive(of_a, n) || !positive(of_b, k))
		return;
	interval_ratio(of_b, k, of_a, n, &i);
	ratio = memory_printf("%.4f", i.estimate);
	range = memory_printf("%.4f to %.4f", i.low, i.high);
	sure = memory_printf("%.1f %%", i.confidence * 100);
	json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "case", name,
					      "metric", m->name, "B_to_A", ratio,
					      "interval", range, "confidence", sure,
					      "verdict", verdict(&i, m->less)));
}

static void difference(const json_t *a, const json_t *b, const char *key, json_t *list)
{
	const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);
	_cleanup_free_ char *from = NULL, *to = NULL;

	if (x == y || json_equal(x, y))
		return;
	from = json_dumps(x, JSON_ENCODE_ANY | JSON_COMPACT);
	to = json_dumps(y, JSON_ENCODE_ANY | JSON_COMPACT);
	{
		_cleanup_free_ char *line =
			memory_printf("%s: %s in A, %s in B", key,
				      from ? from : "nothing", to ? to : "nothing");

		json_array_append_new(list, json_string(line));
	}
}

void bench_compare(const json_t *a, const json_t *b, const struct bench_suite *suite,
		   json_t **out)
{
	static const char *const machine[] = { "processor", "cpus",   "numa_nodes",
					       "memory",    "kernel", "hapep",
					       "packages" };
	static const char *const options[] = { "seconds", "connections", "generator",
					       "layout",  "origin",      "family" };
	json_t *rows = json_array(), *differs = json_array();

	for (size_t i = 0; i < sizeof(machine) / sizeof(machine[0]); i++)
		difference(json_object_get(a, "machine"), json_object_get(b, "machine"),
			   machine[i], differs);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		difference(json_object_get(a, "options"), json_object_get(b, "options"),
			   options[i], differs);
	for (size_t i = 0; i < suite->cases_n; i++) {
		for (size_t k = 0; k < suite->metrics_n; k++)
			metric_compare(a, b, suite->cases[i].name, &suite->metrics[k],
				       rows);
	}
	*out = json_pack("{s:s,s:s,s:o,s:o}", "suite", suite->name, "method", METHOD,
			 "the_runs_differ_in", differs, "comparison", rows);
}
