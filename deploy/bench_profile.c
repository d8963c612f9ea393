/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns profiles: taking them, and the tables that set a case's beside the baseline's. */
#include "deploy/bench_profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/bench_bpf.h"
#include "deploy/bench_result.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

#define ROWS 30

/* What a profile is taken with: "perf", or "proc" and why not perf. */
struct profiler {
	char by[8], why[200];
};
#define OTHERS "others" /* the driver's word for processes that are none of ours */

/* [[process, what, n], ...], each n times `each`; column: where n is. */
static json_t *rows_scale(const json_t *rows, size_t column, double each)
{
	json_t *list = json_array(), *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_array_append_new(
			list,
			json_pack("[O,O,f]", json_array_get(row, 0),
				  json_array_get(row, 1),
				  json_number_value(json_array_get(row, column)) * each));
	}
	return list;
}

/* Samples into microseconds a transaction, system calls into those a transaction. */
static json_t *profile_scale(const json_t *raw, const struct profiler *with)
{
	double done = bench_number(raw, "load.tps") * bench_number(raw, "seconds");
	double traced = bench_transactions(json_object_get(raw, "traced"));
	const char *how = json_string_value(json_object_get(raw, "calls_by"));
	json_t *tree = json_pack("{s:f,s:f,s:s,s:s*,s:o,s:s,s:o}", "tps",
				 bench_number(raw, "load.tps"), "seconds",
				 bench_number(raw, "seconds"), "by", with->by,
				 "perf_says", with->why[0] ? with->why : NULL, "us",
				 rows_scale(json_object_get(raw, "symbols"), 2,
					    1e6 / bench_number(raw, "hz") / done),
				 "calls_by", how ? how : "", "calls",
				 rows_scale(json_object_get(raw, "calls"), 2,
					    traced > 0 ? 1 / traced : 0));

	return tree;
}

/* Perf, or what there is without it; asked of the driver. */
static int profiler_find(struct bench *b, struct profiler *out, struct error *err)
{
	static const char *const words[] = { "profiler", NULL };
	_cleanup_text_ struct text text = { 0 };
	int r = bench_drive(b, words, true, 60, &text, err);

	if (r < 0)
		return error_wrap(err, "ask what a profile can be taken with");
	memset(out, 0, sizeof(*out));
	(void)sscanf(text.text ? text.text : "", "%7s %199[^\n]", out->by, out->why);
	if (strcmp(out->by, "perf") != 0)
		log_info(
			"%s: profiles are by /proc and BPF's statistics, since perf does "
			"not work here: %s",
			b->suite->name, out->why);
	return 0;
}

/* One call of the driver, which loads twice. */
static int profile_drive(struct bench *b, const struct bench_case *c,
			 const struct profiler *with, json_t **out, struct error *err)
{
	_cleanup_free_ char *number = memory_printf("number=%u", b->load);
	_cleanup_free_ char *seconds = memory_printf("seconds=%g", b->seconds);
	_cleanup_free_ char *connections =
		memory_printf("connections=%u", b->connections);
	_cleanup_free_ char *family = memory_printf("family=%s", b->family);
	_cleanup_free_ char *by = memory_printf("by=%s", with->by);
	const char *words[] = { "profile", c->kind, number,     seconds, connections,
				family,    by,      c->load[0], NULL };
	_cleanup_text_ struct text text = { 0 };
	int r;

	b->load += 2;
	r = bench_drive(b, words, true, 2 * (unsigned int)b->seconds + 120, &text, err);
	if (r < 0)
		return r;
	*out = json_loads(text.text ? text.text : "", 0, NULL);
	if (*out && bench_number(*out, "load.tps") > 0)
		return 0;
	json_decref(*out);
	*out = NULL;
	return error_say(err, EPROTO, "no transaction ended well, or no JSON");
}

/* With perf the programs are among its functions, and the statistics would slow them. */
static int profile_load(struct bench *b, const struct bench_case *c,
			const struct profiler *with, json_t **out, struct error *err)
{
	bool perf = !strcmp(with->by, "perf");
	struct error why = { 0 };
	_cleanup_close_ int statistics = perf ? -1 : bench_bpf_begin(&why);
	json_t *before = statistics < 0 ? NULL : bench_bpf_read(), *raw = NULL, *rows;
	int r = profile_drive(b, c, with, &raw, err);
	double done;

	if (!r) {
		*out = profile_scale(raw, with);
		done = bench_transactions(json_object_get(raw, "load")) +
		       bench_transactions(json_object_get(raw, "traced"));
	}
	if (!r && before) {
		json_t *after = bench_bpf_read();

		rows = bench_bpf_between(before, after);
		json_object_set_new(*out, "programs", rows_scale(rows, 2, 1e-3 / done));
		json_object_set_new(*out, "runs", rows_scale(rows, 3, 1 / done));
		json_decref(rows);
		json_decref(after);
	} else if (!r && !perf) {
		json_object_set_new(*out, "programs_say", json_string(why.msg));
	}
	json_decref(before);
	json_decref(raw);
	return r;
}

static int profile_case(struct bench *b, const struct bench_case *c,
			const struct profiler *with, json_t *profiles, struct error *err)
{
	json_t *profile = NULL;
	struct error down = { 0 };
	int r = bench_up(b, c, err);

	if (!r)
		r = profile_load(b, c, with, &profile, err);
	if (bench_down(b, c, &down) < 0 && !r) {
		*err = down;
		r = -down.code;
	}
	if (bench_stopped(b))
		r = error_say(err, ECANCELED, "interrupted");
	if (!r)
		json_object_set(profiles, c->name, profile);
	json_decref(profile);
	return r;
}

int bench_profile(struct bench *b, struct error *err)
{
	json_t *profiles = json_object();
	struct profiler with;
	int found;

	json_object_set_new(b->result, "profiles", profiles);
	found = profiler_find(b, &with, err);
	if (found < 0)
		return found;
	for (size_t i = 0; i < b->suite->cases_n; i++) {
		const struct bench_case *c = &b->suite->cases[i];
		struct error why = { 0 };
		int r;

		if (!bench_case_possible(b, c) ||
		    (strcmp(c->kind, "blade") && strcmp(c->name, b->suite->baseline)))
			continue;
		log_info("%s: profile of '%s'", b->suite->name, c->name);
		r = profile_case(b, c, &with, profiles, &why);
		if (r == -ECANCELED) {
			*err = why;
			return r;
		}
		if (r < 0)
			log_warning("%s: no profile of '%s': %s", b->suite->name, c->name,
				    why.msg);
	}
	return bench_result_write(b->result, b->directory, err);
}

/* A member's rows by one of their names, 0: process, 1: function or system call. */
static json_t *profile_by(const json_t *profile, const char *member, size_t name)
{
	json_t *sums = json_object(), *row;
	size_t i;

	json_array_foreach(json_object_get(profile, member), i, row)
	{
		const char *process = json_string_value(json_array_get(row, 0));
		const char *key = json_string_value(json_array_get(row, name));
		double before = json_number_value(json_object_get(sums, key));

		/* What strangers did is of their processes' table alone. */
		if (name && !strcmp(process, OTHERS))
			continue;
		json_object_set_new(
			sums, key,
			json_real(before + json_number_value(json_array_get(row, 2))));
	}
	return sums;
}

struct row {
	const char *name;
	double here, base;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	double p = x->here - x->base, q = y->here - y->base;

	return (p < q) - (p > q);
}

/* What a table shows: of which member, by which name, in which unit. */
struct view {
	const char *member;
	size_t name;
	const char *title, *unit;
};

static void rows_say(const struct row *rows, size_t n, const struct view *v,
		     const char *baseline, struct document *d)
{
	document_table(d);
	document_row(d,
		     (const char *const[]){ v->title, v->unit, baseline, "more", NULL });
	for (size_t i = 0; i < n && i < ROWS; i++) {
		_cleanup_free_ char *here = memory_printf("%.2f", rows[i].here);
		_cleanup_free_ char *base = memory_printf("%.2f", rows[i].base);
		_cleanup_free_ char *more =
			memory_printf("%+.2f", rows[i].here - rows[i].base);

		document_row(
			d, (const char *const[]){ rows[i].name, here, base, more, NULL });
	}
	document_table_end(d);
}

static void beside_say(const json_t *profile, const json_t *base, const struct view *v,
		       const char *baseline, struct document *d)
{
	json_t *here = profile_by(profile, v->member, v->name);
	json_t *there = profile_by(base, v->member, v->name);
	struct row *rows = memory_new(json_object_size(here) + json_object_size(there),
				      sizeof(*rows));
	const char *key;
	json_t *us;
	size_t n = 0;

	json_object_foreach(here, key, us)
	{
		rows[n++] =
			(struct row){ key, json_number_value(us),
				      json_number_value(json_object_get(there, key)) };
	}
	json_object_foreach(there, key, us)
	{
		if (!json_object_get(here, key))
			rows[n++] = (struct row){ key, 0, json_number_value(us) };
	}
	qsort(rows, n, sizeof(*rows), compare_rows);
	rows_say(rows, n, v, baseline, d);
	free(rows);
	json_decref(here);
	json_decref(there);
}

static void functions_say(const json_t *profile, const json_t *base, const char *baseline,
			  struct document *d)
{
	static const struct view views[] = {
		{ "us", 0, "Process", "us a transaction" },
		{ "us", 1, "Function", "us a transaction" },
		{ "us", 0, "Process", "us a transaction" },
		{ "us", 1, "In", "us a transaction" },
	};

	bool perf = strcmp(bench_word(profile, "by"), "proc") != 0;
	size_t first = perf ? 0 : BENCH_COUNT(views) / 2;

	if (!json_array_size(json_object_get(profile, "us"))) {
		document_paragraph(d,
				   "perf does not work here, so that functions are not "
				   "known.");
		return;
	}
	if (perf)
		document_paragraph(
			d,
			"perf's cpu-clock on all CPUs for %g s at %.0f transactions a "
			"second, beside %s at %.0f; what is idle is left out, %d rows "
			"of each table shown.",
			bench_number(profile, "seconds"), bench_number(profile, "tps"),
			baseline, bench_number(base, "tps"), ROWS);
	else
		document_paragraph(
			d,
			"By /proc/PID/stat of all processes for %g s at %.0f transactions "
			"a second, beside %s at %.0f: functions are not known, since perf "
			"does not work here (%s). A process's system time may hold "
			"interrupts that came while it ran.",
			bench_number(profile, "seconds"), bench_number(profile, "tps"),
			baseline, bench_number(base, "tps"),
			bench_word(profile, "perf_says"));
	for (size_t i = first; i < first + BENCH_COUNT(views) / 2; i++)
		beside_say(profile, base, &views[i], baseline, d);
}

/* Where perf is not, what BPF programs take is known all the same. */
static void programs_say(const json_t *profile, const json_t *base, const char *baseline,
			 struct document *d)
{
	static const struct view views[] = {
		{ "programs", 1, "BPF program", "us a transaction" },
		{ "runs", 1, "BPF program", "runs a transaction" },
	};
	const char *why = bench_word(profile, "programs_say");

	if (*why)
		document_paragraph(d, "What BPF programs take is not known: %s.", why);
	if (!json_array_size(json_object_get(profile, "programs")))
		return;
	document_paragraph(d, "BPF programs by the kernel's run-time statistics, of both "
			      "loads, the lab's own among them.");
	for (size_t i = 0; i < BENCH_COUNT(views); i++)
		beside_say(profile, base, &views[i], baseline, d);
}

static void calls_say(const json_t *profile, const json_t *base, const char *baseline,
		      struct document *d)
{
	static const struct view views[] = {
		{ "calls", 0, "Process", "system calls a transaction" },
		{ "calls", 1, "System call", "a transaction" },
	};

	if (!json_array_size(json_object_get(profile, "calls")))
		return;
	document_paragraph(
		d, "System calls by %s during a load of its own, which that slows down.",
		json_string_value(json_object_get(profile, "calls_by")));
	for (size_t i = 0; i < BENCH_COUNT(views); i++)
		beside_say(profile, base, &views[i], baseline, d);
}

void bench_profile_say(const json_t *result, const struct bench_suite *suite,
		       struct document *d)
{
	const json_t *profiles = json_object_get(result, "profiles");
	const json_t *base =
		suite->baseline ? json_object_get(profiles, suite->baseline) : NULL;
	json_t *profile;
	const char *name;

	json_object_foreach((json_t *)(unsigned long)profiles, name, profile)
	{
		_cleanup_free_ char *heading =
			memory_printf("Where the CPU time goes: %s", name);

		if (!base || profile == base)
			continue;
		document_heading(d, heading);
		functions_say(profile, base, suite->baseline, d);
		programs_say(profile, base, suite->baseline, d);
		calls_say(profile, base, suite->baseline, d);
	}
}
