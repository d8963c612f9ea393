/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the table of where the CPU time of a transaction is spent, from /proc/stat. */
#include "deploy/bench_cost.h"

#include <stdlib.h>

#include "helpers/memory.h"

const struct bench_metric bench_costs[] = {
	{ "user_us", "us", "User", 1, true, false },
	{ "system_us", "us", "System", 1, true, false },
	{ "interrupts_us", "us", "Interrupts and softirq", 1, true, false },
	{ "cpu_us", "us", "All", 1, true, false },
	{ "switches", "", "Context switches", 2, true, false },
};
const size_t bench_costs_n = BENCH_COUNT(bench_costs);

/* "31.2 (+12.0)": the median, and what it is above the baseline's. */
static char *cost_cell(const json_t *summary, const json_t *base,
		       const struct bench_metric *m)
{
	const json_t *s = json_object_get(summary, m->name);
	const json_t *of = json_object_get(base, m->name);
	double median = bench_number(s, "median");

	if (!s)
		return memory_strdup("");
	if (!of || base == summary)
		return memory_printf("%.*f", m->digits, median);
	return memory_printf("%.*f (%+.*f)", m->digits, median, m->digits,
			     median - bench_number(of, "median"));
}

static void cost_row(const char *name, const json_t *summary, const json_t *base,
		     struct document *d)
{
	char *values[BENCH_COUNT(bench_costs)];
	const char *cells[BENCH_COUNT(bench_costs) + 2] = { name };

	for (size_t i = 0; i < bench_costs_n; i++)
		cells[i + 1] = values[i] = cost_cell(summary, base, &bench_costs[i]);
	document_row(d, cells);
	for (size_t i = 0; i < bench_costs_n; i++)
		free(values[i]);
}

static void cost_head(struct document *d)
{
	char *titles[BENCH_COUNT(bench_costs)];
	const char *cells[BENCH_COUNT(bench_costs) + 2] = { "Case" };

	for (size_t i = 0; i < bench_costs_n; i++) {
		const struct bench_metric *m = &bench_costs[i];

		cells[i + 1] = titles[i] = memory_printf("%s%s%s", m->title,
							 m->unit[0] ? ", " : "", m->unit);
	}
	document_row(d, cells);
	for (size_t i = 0; i < bench_costs_n; i++)
		free(titles[i]);
}

void bench_costs_say(const json_t *result, const struct bench_suite *suite,
		     struct document *d)
{
	json_t *all = json_object_get(result, "summary");
	const json_t *base =
		suite->baseline ? json_object_get(all, suite->baseline) : NULL;
	bool any = false;

	for (size_t i = 0; i < suite->cases_n; i++) {
		const char *name = suite->cases[i].name;
		const json_t *summary = json_object_get(all, name);

		if (!json_object_get(summary, "switches") || !suite->costs)
			continue;
		if (!any) {
			document_heading(d, "Where the CPU time of a transaction goes");
			document_paragraph(
				d,
				"The whole machine's, by /proc/stat, a transaction%s; "
				"medians of the rounds. The kernel shares time out by "
				"its tick, so that user, system and interrupts are "
				"surer together than each.",
				base ? " (in brackets: above the baseline's)" : "");
			document_table(d);
			cost_head(d);
		}
		any = true;
		cost_row(name, summary, base, d);
	}
	if (any)
		document_table_end(d);
}
