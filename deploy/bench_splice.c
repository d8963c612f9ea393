/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the question from which size on splicing pays. */
#include <stdio.h>
#include <string.h>

#include "deploy/bench.h"
#include "deploy/bench_figure.h"
#include "deploy/bench_result.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/statistics.h"

/* clang-format off */

#define CASE(mode, splice, size, connections)                                             \
	{ mode " " splice " " #size, "blade",                                             \
	  { "haproxy.mode=" mode, "haproxy.splice=" splice },                             \
	  { "size=" #size, connections } }
#define SIZE(size, connections)                                                           \
	CASE("tcp", "on", size, connections), CASE("tcp", "off", size, connections),      \
	CASE("tcp", "auto", size, connections), CASE("http", "on", size, connections),    \
	CASE("http", "off", size, connections), CASE("http", "auto", size, connections)

/* Few connections where one object takes long: a sample must see many whole ones. */
static const struct bench_case cases[] = {
	SIZE(1024, NULL), SIZE(8192, NULL), SIZE(32768, NULL),
	SIZE(131072, "connections=16"), SIZE(524288, "connections=16"),
	SIZE(4194304, "connections=8"), SIZE(67108864, "connections=4"),
};

static const double sizes[] = { 1024,   8192,    32768,    131072,
				524288, 4194304, 67108864, 0 };

static const struct bench_metric metrics[] = {
	{ "mbps", "Mb/s", "Throughput", 0, false, false },
	{ "cpu_s_per_gb", "s/GB", "CPU", 3, true, false },
	BENCH_TTFB_MEDIAN,
	BENCH_TTFB_99,
	{ "tps", "TPS", "Transactions", 1, false, false },
	BENCH_FAILURES,
};

#define OVER(mode, size)                                                                  \
	{ "splice, " mode ", " #size " B", mode " on " #size, mode " off " #size,         \
	  "cpu_s_per_gb", NULL, 0, 0, false },                                                   \
	{ "splice, " mode ", " #size " B", mode " on " #size, mode " off " #size,         \
	  "mbps", NULL, 0, 0, false }
#define MODES(size) OVER("tcp", size), OVER("http", size)

static const struct bench_comparison comparisons[] = {
	MODES(1024), MODES(8192), MODES(32768), MODES(131072), MODES(524288),
	MODES(4194304), MODES(67108864),
};

/* clang-format on */

/* What --quick tries: a small object and a large one. */
static int splice_possible(struct bench *b, const struct bench_case *c,
			   struct text *reason)
{
	(void)bench_quick_leaves(
		b, !strcmp(c->load[0], "size=8192") || !strcmp(c->load[0], "size=524288"),
		reason);
	return 0;
}

static void splice_figures(const json_t *result, const char *directory, json_t *list)
{
	static const char *const series[] = { "tcp on",  "tcp off",  "tcp auto",
					      "http on", "http off", "http auto",
					      NULL };
	const struct figure_lines figures[] = {
		{ "throughput.svg", "Throughput by object size", "mbps", "Gb/s", 1e-3,
		  false, "object size", series, sizes },
		{ "cpu.svg", "CPU by object size", "cpu_s_per_gb",
		  "CPU seconds a gigabyte", 1, true, "object size", series, sizes },
		{ "ttfb.svg", "Time to first byte by object size", "ttfb_p50_us", "ms",
		  1e-3, true, "object size", series, sizes },
	};

	for (size_t i = 0; i < BENCH_COUNT(figures); i++)
		figure_lines(result, &figures[i], directory, list);
}

/* -1: splice costs more CPU a byte, 1: less, 0: nobody can tell. */
static int splice_sign(const json_t *result, const char *mode, double size)
{
	_cleanup_free_ char *name = memory_printf("%s on %.0f", mode, size);
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(result, "comparisons"), i, c)
	{
		const char *of = json_string_value(json_object_get(c, "case"));
		const char *metric = json_string_value(json_object_get(c, "metric"));

		if (strcmp(of, name) || strcmp(metric, "cpu_s_per_gb") ||
		    bench_number(c, "confidence") < STATISTICS_ENOUGH)
			continue;
		if (bench_number(c, "high") < 0)
			return 1;
		if (bench_number(c, "low") > 0)
			return -1;
	}
	return 0;
}

/* The size from which on splice wins at every size; 0: none. */
static double splice_from(const json_t *result, const char *mode)
{
	double from = 0;

	for (size_t i = BENCH_COUNT(sizes) - 1; i-- > 0;) {
		if (splice_sign(result, mode, sizes[i]) <= 0)
			break;
		from = sizes[i];
	}
	return from;
}

static void splice_remarks(const json_t *result, json_t *lines)
{
	static const char *const modes[] = { "tcp", "http" };

	for (size_t m = 0; m < BENCH_COUNT(modes); m++) {
		double from = splice_from(result, modes[m]);
		double dearest = 0;
		_cleanup_free_ char *line = NULL;

		for (size_t i = 0; sizes[i] > 0; i++) {
			if (splice_sign(result, modes[m], sizes[i]) < 0)
				dearest = sizes[i];
		}
		if (from > 0)
			line = memory_printf(
				"%s mode: splicing takes less CPU a byte from %.0f bytes "
				"an object on, and more up to %.0f. Recommended: splice "
				"= on where most bytes are in objects of at least %.0f "
				"bytes, else off.",
				modes[m], from, dearest, from);
		else if (dearest > 0)
			line = memory_printf("%s mode: splicing takes more CPU a byte up "
					     "to %.0f bytes an object, and at no larger "
					     "size shows a gain. Recommended: splice = "
					     "off.",
					     modes[m], dearest);
		else
			line = memory_printf(
				"%s mode: no size shows a difference that is "
				"more than noise: no recommendation.",
				modes[m]);
		json_array_append_new(lines, json_string(line));
	}
}

const struct bench_suite bench_splice = {
	.name = "splice",
	.title = "object sizes with and without splicing",
	.layout = "tagged",
	.notes = "auto leaves each transfer to HAProxy's own judgement. CPU is the whole "
		 "machine's: generator and origin copy the same bytes in every case, so "
		 "differences are the proxy's, and ratios are less than the proxy's own.",
	BENCH_TABLES,
	.seconds = 1,
	.external = true,
	.measure = bench_measure_load,
	.possible = splice_possible,
	.figures = splice_figures,
	.remarks = splice_remarks,
};
