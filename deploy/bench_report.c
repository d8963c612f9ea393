/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what a report says, and in which order. */
#include "deploy/bench_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/bench_asked.h"
#include "deploy/bench_conditions.h"
#include "deploy/bench_cost.h"
#include "deploy/bench_document.h"
#include "deploy/bench_profile.h"
#include "deploy/bench_result.h"
#include "deploy/bench_target.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

/* How a verdict begins that has a case's reason, which the report tells once. */
#define NOT "not measured: "

static char *median_cell(const json_t *summary, const struct bench_metric *m)
{
	const json_t *s = json_object_get(summary, m->name);

	if (!s)
		return memory_strdup("");
	if (m->total)
		return memory_printf("%.*f", m->digits, bench_number(s, "sum"));
	if (bench_number(s, "n") < 2)
		return memory_printf("%.*f", m->digits, bench_number(s, "median"));
	return memory_printf("%.*f (%.*f to %.*f)", m->digits, bench_number(s, "median"),
			     m->digits, bench_number(s, "min"), m->digits,
			     bench_number(s, "max"));
}

static void cases_head(const struct bench_suite *suite, struct document *d)
{
	_cleanup_free_ char *titles[DOCUMENT_COLUMNS] = { 0 };
	const char *cells[DOCUMENT_COLUMNS + 2] = { "Case" };

	for (size_t i = 0; i < suite->metrics_n && i < DOCUMENT_COLUMNS; i++) {
		titles[i] = memory_printf("%s%s%s", suite->metrics[i].title,
					  suite->metrics[i].unit[0] ? ", " : "",
					  suite->metrics[i].unit);
		cells[i + 1] = titles[i];
	}
	document_row(d, cells);
	for (size_t i = 1; i < DOCUMENT_COLUMNS; i++)
		free(titles[i]);
}

static void case_row(const json_t *result, const struct bench_suite *suite,
		     const char *name, struct document *d)
{
	const json_t *summary = json_object_get(json_object_get(result, "summary"), name);
	char *values[DOCUMENT_COLUMNS] = { 0 };
	const char *cells[DOCUMENT_COLUMNS + 2] = { name };

	for (size_t i = 0; i < suite->metrics_n && i < DOCUMENT_COLUMNS; i++) {
		values[i] = median_cell(summary, &suite->metrics[i]);
		cells[i + 1] = values[i];
	}
	document_row(d, cells);
	for (size_t i = 0; i < DOCUMENT_COLUMNS; i++)
		free(values[i]);
}

static void cases_say(const json_t *result, const struct bench_suite *suite,
		      struct document *d)
{
	_cleanup_free_ char *asked = bench_asked_say(result);
	bool missing = false;
	json_t *c;
	size_t i;

	document_heading(d, "Cases");
	if (*asked)
		document_paragraph(d, "Of the benchmark's, only %s asked for: %s.",
				   strstr(asked, "', '") ? "these were" : "this was",
				   asked);
	document_paragraph(d, "Median of the rounds (their least to their greatest); of "
			      "failures, all.");
	document_table(d);
	cases_head(suite, d);
	json_array_foreach(json_object_get(result, "cases"), i, c)
	{
		if (json_is_true(json_object_get(c, "possible")))
			case_row(result, suite, bench_word(c, "name"), d);
		else
			missing = true;
	}
	document_table_end(d);
	if (!missing)
		return;
	document_heading(d, "Cases not measured, and why");
	document_table(d);
	document_row(d, (const char *const[]){ "Case", "Why", NULL });
	json_array_foreach(json_object_get(result, "cases"), i, c)
	{
		const char *const cells[] = { bench_word(c, "name"),
					      bench_word(c, "reason"), NULL };

		if (!json_is_true(json_object_get(c, "possible")))
			document_row(d, cells);
	}
	document_table_end(d);
}

static char *expected_cell(const json_t *c)
{
	const json_t *range = json_object_get(c, "paper");
	double low = json_number_value(json_array_get(range, 0));
	double high = json_number_value(json_array_get(range, 1));

	if (!range)
		return memory_strdup("");
	return low < high ? memory_printf("%+.1f to %+.1f", low, high)
			  : memory_printf("%+.1f", low);
}

/* "+1.2 (+0.9 to +1.4)", and the unit of what is no share. */
static char *change_cell(const json_t *c, const struct bench_metric *m)
{
	bool difference = json_object_get(c, "difference") != NULL;

	if (!difference && !json_object_get(c, "percent"))
		return memory_strdup("");
	return memory_printf("%+.1f%s%s (%+.1f to %+.1f)",
			     bench_number(c, difference ? "difference" : "percent"),
			     difference ? " " : " %", difference && m ? m->unit : "",
			     bench_number(c, "low"), bench_number(c, "high"));
}

static void comparison_row(const json_t *c, const struct bench_suite *suite,
			   struct document *d)
{
	const struct bench_metric *m = NULL;
	_cleanup_free_ char *expected = expected_cell(c);
	_cleanup_free_ char *change = NULL, *sure = NULL;

	for (size_t i = 0; i < suite->metrics_n; i++) {
		if (!strcmp(bench_word(c, "metric"), suite->metrics[i].name))
			m = &suite->metrics[i];
	}
	change = change_cell(c, m);
	sure = change[0] ? memory_printf("%.1f %%", bench_number(c, "confidence") * 100)
			 : memory_strdup("");
	document_row(d, (const char *const[]){
				bench_word(c, "factor"),
				m ? m->title : bench_word(c, "metric"), change, sure,
				strncmp(bench_word(c, "verdict"), NOT, strlen(NOT))
					? bench_word(c, "verdict")
					: "not measured (see above)",
				expected[0] ? expected : NULL, NULL });
}

static void comparisons_say(const json_t *result, const struct bench_suite *suite,
			    struct document *d)
{
	json_t *c;
	size_t i;

	if (!json_array_size(json_object_get(result, "comparisons")))
		return;
	document_heading(d, "What each factor does");
	document_paragraph(
		d,
		"A change is the median over the rounds of the ratio, or of the difference, of "
		"two cases measured in the same round; beside it an interval by the sign "
		"test's order statistics, whose confidence is exact whatever the "
		"distribution. A verdict takes at least %.0f per cent, that is five rounds, "
		"and an interval without zero.",
		STATISTICS_ENOUGH * 100);
	document_table(d);
	document_row(d, (const char *const[]){
				"Factor", "Metric", "Change", "Confidence", "Verdict",
				suite->comparisons[0].source ? "Paper, %" : NULL, NULL });
	json_array_foreach(json_object_get(result, "comparisons"), i, c)
	{
		comparison_row(c, suite, d);
	}
	document_table_end(d);
}

static void failures_say(const json_t *result, struct document *d)
{
	json_t *sample;
	size_t i;

	if (!bench_result_failures(result))
		return;
	document_heading(d, "Samples that failed");
	document_table(d);
	document_row(d, (const char *const[]){ "Case", "Round", "Why", NULL });
	json_array_foreach(json_object_get(result, "samples"), i, sample)
	{
		_cleanup_free_ char *round =
			memory_printf("%.0f", bench_number(sample, "round"));

		if (json_object_get(sample, "error"))
			document_row(d, (const char *const[]){
						bench_word(sample, "case"), round,
						bench_word(sample, "error"), NULL });
	}
	document_table_end(d);
}

static void figures_say(const json_t *result, const struct bench_suite *suite,
			const char *directory, struct document *d)
{
	json_t *list = json_array(), *f;
	size_t i;

	if (suite->figures)
		suite->figures(result, directory, list);
	if (json_array_size(list)) {
		document_heading(d, "Figures");
		document_paragraph(d, "Medians; the whiskers span all rounds.");
	}
	json_array_foreach(list, i, f)
	{
		document_figure(d, bench_word(f, "file"), bench_word(f, "caption"),
				bench_word(f, "svg"));
	}
	json_decref(list);
}

static void remarks_say(const json_t *result, const struct bench_suite *suite,
			struct document *d)
{
	json_t *lines = json_array(), *line;
	size_t i;

	if (suite->remarks)
		suite->remarks(result, lines);
	json_array_foreach(lines, i, line)
	{
		document_paragraph(d, "%s", json_string_value(line));
	}
	json_decref(lines);
	if (suite->notes)
		document_paragraph(d, "%s", suite->notes);
}

static int part_write(const char *directory, const char *name, const struct text *text,
		      struct error *err)
{
	_cleanup_free_ char *path = memory_printf("%s/%s", directory, name);

	return bench_file_write(path, text->text, err);
}

int bench_report(const json_t *result, const struct bench_suite *suite,
		 const char *directory, struct error *err)
{
	_cleanup_free_ char *title =
		memory_printf("hapep bench %s: %s", suite->name, suite->title);
	struct document d = { 0 };
	int r;

	document_title(&d, title);
	bench_conditions_say(result, &d);
	cases_say(result, suite, &d);
	bench_targets_say(result, &d);
	comparisons_say(result, suite, &d);
	remarks_say(result, suite, &d);
	bench_costs_say(result, suite, &d);
	bench_profile_say(result, suite, &d);
	failures_say(result, &d);
	figures_say(result, suite, directory, &d);
	document_end(&d);
	r = part_write(directory, "report.md", &d.markdown, err);
	if (!r)
		r = part_write(directory, "report.html", &d.html, err);
	document_free(&d);
	return r;
}
