/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what a report says of how it was measured: when, on what, how undisturbed. */
#include "deploy/bench_conditions.h"

#include <string.h>
#include <time.h>

#include "deploy/bench_result.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

/* A generator's thread this busy may be what limits the load. */
#define BUSY 0.95

/* What loads the blade, and what answers. */
static char *ends_say(const json_t *result)
{
	const json_t *options = json_object_get(result, "options");
	const char *family = bench_word(options, "family");

	if (strcmp(bench_word(options, "generator"), "lab") != 0 ||
	    !strcmp(bench_word(options, "layout"), "packets") ||
	    !*bench_word(options, "origin"))
		return memory_strdup(bench_word(options, "generator"));
	return memory_printf("lab; server: %s; %s", bench_word(options, "origin"),
			     !strcmp(family, "6")      ? "IPv6"
			     : !strcmp(family, "both") ? "IPv4 and IPv6 in turn"
						       : "IPv4");
}

static void when_say(const json_t *result, struct document *d)
{
	time_t t = (time_t)bench_number(result, "started");
	_cleanup_free_ char *ends = ends_say(result);
	struct tm at;
	char when[64];

	gmtime_r(&t, &at);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &at);
	document_paragraph(
		d,
		"Started %s. %.0f round(s), the cases of each taken in turn, every other "
		"round backwards; %g s a sample after %g s of warm-up, %.0f connections "
		"at a time. Generator: %s. Run %s.",
		when, bench_number(result, "options.rounds"),
		bench_number(result, "options.seconds"),
		bench_number(result, "options.warmup"),
		bench_number(result, "options.connections"), ends,
		json_is_true(json_object_get(result, "complete")) ? "complete"
								  : "NOT COMPLETE");
	if (json_is_true(json_object_get(json_object_get(result, "options"), "quick")))
		document_paragraph(d,
				   "This is a --quick run: it shows that the machinery "
				   "works, and its figures mean nothing.");
}

static void machine_say(const json_t *result, struct document *d)
{
	const json_t *machine = json_object_get(result, "machine");
	_cleanup_text_ struct text versions = { 0 };
	const char *name;
	json_t *version;

	json_object_foreach(json_object_get(machine, "packages"), name, version)
	{
		text_add(&versions, ", %s %s", name, json_string_value(version));
	}
	document_heading(d, "Machine");
	document_paragraph(
		d, "%s, %.0f CPU(s) on %.0f NUMA node(s)%s, %s of memory. Linux %s.",
		bench_word(machine, "processor"), bench_number(machine, "cpus"),
		bench_number(machine, "numa_nodes"),
		json_is_true(json_object_get(machine, "virtual")) ? ", a virtual machine"
								  : "",
		bench_word(machine, "memory"), bench_word(machine, "kernel"));
	document_paragraph(d, "hapep %s%s.", bench_word(machine, "hapep"),
			   versions.text ? versions.text : "");
	if (!strcmp(bench_word(json_object_get(result, "options"), "generator"), "lab"))
		document_paragraph(
			d, "Everything ran on this one machine: the generator, the "
			   "blade and the origin share its CPUs, so that rates are less "
			   "than the blade alone would do, and CPU is of all three.");
}

void bench_quiet_count(const json_t *result, const char *name, struct bench_quiet *out)
{
	size_t i;
	json_t *sample;

	memset(out, 0, sizeof(*out));
	json_array_foreach(json_object_get(result, "samples"), i, sample)
	{
		double others = bench_number(sample, "background");

		if (name && strcmp(bench_word(sample, "case"), name) != 0)
			continue;
		out->samples += json_object_get(sample, "background") != NULL;
		out->loud += others > BENCH_QUIET;
		out->most = others > out->most ? others : out->most;
		out->stolen += bench_number(sample, "steal_seconds") >
			       BENCH_QUIET * bench_number(sample, "cpu_seconds");
	}
}

/* Whether the figures deserve to be quoted. */
static void quiet_say(const json_t *result, struct document *d)
{
	struct bench_quiet q;

	bench_quiet_count(result, NULL, &q);
	if (q.loud)
		document_paragraph(
			d,
			"The machine was NOT QUIET: before %zu of %zu samples others "
			"used more than %.0f per cent of it, at most %.0f per cent. "
			"Do not quote these figures.",
			q.loud, q.samples, BENCH_QUIET * 100, q.most * 100);
	else if (q.samples)
		document_paragraph(d,
				   "The machine was quiet: before each sample others "
				   "used at most %.1f per cent of it.",
				   q.most * 100);
	if (q.stolen)
		document_paragraph(d,
				   "In %zu samples the hypervisor gave more than %.0f "
				   "per cent of the CPU time to others.",
				   q.stolen, BENCH_QUIET * 100);
}

/* Where the generator had no more to give, a rate is the least that the case can do. */
static void generator_say(const json_t *result, struct document *d)
{
	_cleanup_text_ struct text names = { 0 };
	json_t *c, *sample;
	size_t i, k;

	json_array_foreach(json_object_get(result, "cases"), i, c)
	{
		const char *name = bench_word(c, "name");
		size_t n = 0;

		json_array_foreach(json_object_get(result, "samples"), k, sample) n +=
			!strcmp(bench_word(sample, "case"), name) &&
			bench_number(sample, "load.cpu_seconds.busiest_thread") > BUSY;
		if (n)
			text_add(&names, "%s%s (%zu)", names.length ? ", " : "", name, n);
	}
	if (names.length)
		document_paragraph(d,
				   "In these samples a thread of the generator was busy "
				   "for more than %.0f per cent of the time, and may be "
				   "what limited the rate: %s.",
				   BUSY * 100, names.text);
}

void bench_conditions_say(const json_t *result, struct document *d)
{
	when_say(result, d);
	machine_say(result, d);
	quiet_say(result, d);
	generator_say(result, d);
}
