/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the comparison of two runs. */
#include "deploy/bench_compare.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/bench_conditions.h"
#include "deploy/bench_difference.h"
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

/* "machine.kernel: X in A, Y in B" for each member that is not the same. */
static void differences_say(const json_t *a, const json_t *b, const char *part,
			    json_t *list)
{
	json_t *all = bench_differences(json_object_get(a, part),
					json_object_get(b, part)),
	       *d;
	size_t i;

	json_array_foreach(all, i, d)
	{
		_cleanup_free_ char *line = memory_printf(
			"%s.%s: %s in A, %s in B", part, bench_word(d, "name"),
			bench_word(d, "from"), bench_word(d, "to"));

		/* More rounds make a ratio surer, and not another one. */
		if (strcmp(bench_word(d, "name"), "rounds") != 0)
			json_array_append_new(list, json_string(line));
	}
	json_decref(all);
}

static json_t *configuration_of(const json_t *result, const char *name)
{
	json_t *tree;
	size_t i;

	json_array_foreach(json_object_get(result, "cases"), i, tree)
	{
		if (!strcmp(bench_word(tree, "name"), name))
			return bench_configuration(bench_word(tree, "configuration"));
	}
	return json_object();
}

/* Most of what differs does so in every case: each is said once, with how many. */
static void configurations_say(const json_t *a, const json_t *b,
			       const struct bench_suite *suite, json_t *list)
{
	json_t *count = json_object(), *n;
	const char *line;
	size_t cases = 0;

	for (size_t i = 0; i < suite->cases_n; i++) {
		json_t *x = configuration_of(a, suite->cases[i].name);
		json_t *y = configuration_of(b, suite->cases[i].name);
		json_t *all = bench_differences(x, y), *d;
		bool both = json_object_size(x) && json_object_size(y);
		size_t k;

		cases += both;
		json_array_foreach(all, k, d)
		{
			_cleanup_free_ char *key =
				memory_printf("configuration.%s: %s in A, %s in B",
					      bench_word(d, "name"),
					      bench_word(d, "from"), bench_word(d, "to"));
			json_int_t so_far =
				json_integer_value(json_object_get(count, key));

			if (both)
				json_object_set_new(count, key, json_integer(so_far + 1));
		}
		json_decref(all);
		json_decref(x);
		json_decref(y);
	}
	json_object_foreach(count, line, n)
	{
		_cleanup_free_ char *all =
			memory_printf("%s (%lld of %zu cases)", line,
				      (long long)json_integer_value(n), cases);

		json_array_append_new(list, json_string(all));
	}
	json_decref(count);
}

__attribute__((format(printf, 2, 3))) static void doubt(json_t *list, const char *fmt,
							...)
{
	_cleanup_free_ char *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&line, fmt, ap) < 0)
		abort();
	va_end(ap);
	json_array_append_new(list, json_string(line));
}

/* Why the figures of a run deserve less trust than the intervals say. */
static void run_doubts(const json_t *run, const char *which,
		       const struct bench_suite *suite, json_t *list)
{
	size_t failed = bench_result_failures(run);

	if (json_is_true(json_object_get(json_object_get(run, "options"), "quick")))
		doubt(list, "%s is a --quick run: its figures mean nothing", which);
	if (!json_is_true(json_object_get(run, "complete")))
		doubt(list, "%s is not complete: rounds may lack cases", which);
	if (failed)
		doubt(list, "%s: %zu sample(s) failed, and count for nothing", which,
		      failed);
	for (size_t i = 0; i < suite->cases_n; i++) {
		const char *name = suite->cases[i].name;
		struct bench_quiet q;

		bench_quiet_count(run, name, &q);
		if (q.loud)
			doubt(list,
			      "%s, '%s': not quiet before %zu of %zu samples, others used "
			      "at most %.0f per cent of the machine",
			      which, name, q.loud, q.samples, q.most * 100);
		if (q.stolen)
			doubt(list,
			      "%s, '%s': in %zu sample(s) the hypervisor gave more than "
			      "%.0f per cent of the CPU time to others",
			      which, name, q.stolen, BENCH_QUIET * 100);
	}
}

void bench_compare(const json_t *a, const json_t *b, const struct bench_suite *suite,
		   json_t **out)
{
	json_t *rows = json_array(), *differs = json_array(), *doubts = json_array();

	differences_say(a, b, "machine", differs);
	differences_say(a, b, "options", differs);
	configurations_say(a, b, suite, differs);
	run_doubts(a, "A", suite, doubts);
	run_doubts(b, "B", suite, doubts);
	for (size_t i = 0; i < suite->cases_n; i++) {
		for (size_t k = 0; k < suite->metrics_n; k++)
			metric_compare(a, b, suite->cases[i].name, &suite->metrics[k],
				       rows);
	}
	*out = json_pack("{s:s,s:s,s:o,s:o,s:o}", "suite", suite->name, "method", METHOD,
			 "the_runs_differ_in", differs, "doubts", doubts, "comparison",
			 rows);
}
