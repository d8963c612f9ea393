/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the verdict on a suite's targets: reached, not reached, or nobody can tell. */
#include "deploy/bench_target.h"

#include <string.h>

#include "deploy/bench_asked.h"
#include "deploy/bench_result.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

#define UNDECIDED "not decided: the interval holds the limit"

/* Whether a bound of the interval keeps to the limit. */
static bool keeps(const struct bench_target *t, double value)
{
	return t->most ? value <= t->limit : value >= t->limit;
}

static const char *verdict(const struct bench_target *t, const struct interval *i)
{
	if (i->confidence < STATISTICS_ENOUGH)
		return "too few rounds for a verdict";
	if (keeps(t, i->low) && keeps(t, i->high))
		return "reached";
	return keeps(t, i->low) || keeps(t, i->high) ? UNDECIDED : "NOT reached";
}

static json_t *target_of(const json_t *result, const struct bench_target *t)
{
	const struct bench_comparison pair = { .a = t->a,
					       .b = t->b,
					       .metric = t->metric };
	json_t *tree = json_pack("{s:s,s:s,s:s*,s:s,s:s,s:f}", "target", t->what, "case",
				 t->a, "over", t->b, "metric", t->metric, "bound",
				 t->most ? "most" : "least", "limit", t->limit);
	_cleanup_free_ double *v = NULL;
	struct interval i;
	size_t n;

	v = bench_result_pairs(result, &pair, &n);
	json_object_set_new(tree, "rounds", json_integer((json_int_t)n));
	if (!n) {
		json_object_set_new(tree, "verdict", json_string("not measured"));
		return tree;
	}
	interval_median(v, n, &i);
	json_object_set_new(tree, "value", json_real(i.estimate));
	json_object_set_new(tree, "low", json_real(i.low));
	json_object_set_new(tree, "high", json_real(i.high));
	json_object_set_new(tree, "confidence", json_real(i.confidence));
	json_object_set_new(tree, "verdict", json_string(verdict(t, &i)));
	return tree;
}

void bench_targets_fill(json_t *result, const struct bench_suite *suite)
{
	json_t *list = json_array();

	for (size_t i = 0; i < suite->targets_n; i++) {
		const struct bench_target *t = &suite->targets[i];

		if (bench_asked_both(result, t->a, t->b))
			json_array_append_new(list, target_of(result, t));
	}
	json_object_set_new(result, "targets", list);
}

void bench_targets_say(const json_t *result, struct document *d)
{
	json_t *list = json_object_get(result, "targets"), *t;
	size_t i;

	if (!json_array_size(list))
		return;
	document_heading(d, "Targets");
	document_paragraph(d, "A target is reached, or is not, where the whole interval "
			      "over the rounds says so.");
	document_table(d);
	document_row(d, (const char *const[]){ "Target", "Case", "Limit",
					       "Median (interval)", "Verdict", NULL });
	json_array_foreach(list, i, t)
	{
		_cleanup_free_ char *limit = memory_printf(
			"at %s %g", bench_word(t, "bound"), bench_number(t, "limit"));
		_cleanup_free_ char *value =
			json_object_get(t, "value")
				? memory_printf(
					  "%.3g (%.3g to %.3g)", bench_number(t, "value"),
					  bench_number(t, "low"), bench_number(t, "high"))
				: memory_strdup("");

		document_row(d, (const char *const[]){
					bench_word(t, "target"), bench_word(t, "case"),
					limit, value, bench_word(t, "verdict"), NULL });
	}
	document_table_end(d);
}
