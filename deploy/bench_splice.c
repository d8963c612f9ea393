/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the question from which size on splicing pays. */
#include <stdio.h>
#include <string.h>

#include "deploy/bench.h"
#include "deploy/bench_figure.h"
#include "haproxy/haproxy.h"
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

/* What on and off each cost a mode at worst, in per cent more CPU a byte than the other,
 * where that is no noise; at: of which size, 0: at none.
 */
struct regret {
	double on, off, on_at, off_at;
};

static void regret_add(const json_t *c, double size, struct regret *r)
{
	double more = bench_number(c, "percent");
	double less = (1 / (1 + more / 100) - 1) * 100;

	if (bench_number(c, "low") > 0 && more > r->on) {
		r->on = more;
		r->on_at = size;
	}
	if (bench_number(c, "high") < 0 && less > r->off) {
		r->off = less;
		r->off_at = size;
	}
}

static struct regret regret_of(const json_t *result, const char *mode)
{
	struct regret r = { 0 };
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(result, "comparisons"), i, c)
	{
		const char *metric = json_string_value(json_object_get(c, "metric"));
		const char *name = json_string_value(json_object_get(c, "case"));
		char of[8];
		double size;

		if (!strcmp(metric, "cpu_s_per_gb") &&
		    bench_number(c, "confidence") >= STATISTICS_ENOUGH &&
		    sscanf(name, "%7s on %lf", of, &size) == 2 && !strcmp(of, mode))
			regret_add(c, size, &r);
	}
	return r;
}

/* The rule that splice = auto is chosen by, and whether it is so on this machine. */
static char *regret_say(const char *mode, const struct regret *r,
			enum haproxy_splice automatic)
{
	bool on = r->on <= r->off;

	if (!(r->on > 0) && !(r->off > 0))
		return memory_printf("%s mode: no size shows a difference in CPU between "
				     "splice = on and off that is more than noise: no "
				     "recommendation.",
				     mode);
	return memory_printf(
		"%s mode: splice = on costs at worst %.0f per cent more CPU a byte than "
		"off (objects of %.0f bytes), and off at worst %.0f per cent more than "
		"on (of %.0f bytes). Recommended, as what loses least at worst: %s. "
		"splice = auto %s.",
		mode, r->on, r->on_at, r->off, r->off_at, on ? "on" : "off",
		on == (automatic == HAPROXY_SPLICE_ON)
			? "does so with what comes from the server"
			: "does NOT do so: name it in the configuration");
}

static void splice_remarks(const json_t *result, json_t *lines)
{
	static const char *const modes[] = {
		[HAPROXY_MODE_TCP] = "tcp", [HAPROXY_MODE_HTTP] = "http"
	};

	for (size_t m = 0; m < BENCH_COUNT(modes); m++) {
		struct regret r = regret_of(result, modes[m]);
		_cleanup_free_ char *line = regret_say(
			modes[m], &r, haproxy_splice_auto((enum haproxy_mode)m));

		json_array_append_new(lines, json_string(line));
	}
}

const struct bench_suite bench_splice = {
	.name = "splice",
	.title = "object sizes with and without splicing",
	.layout = "tagged",
	.notes =
		"auto splices what comes from the server as the recommendation was when it "
		"was chosen, and leaves what comes from the client to HAProxy. CPU is the whole "
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
