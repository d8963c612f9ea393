/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the paper's Table 4: packets a second through NIC and tc, however many rules. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/bench.h"
#include "deploy/bench_figure.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/statistics.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ENOUGH   0.95 /* of the rate with one rule: what 128K rules must leave */
#define INSTALL  5.0  /* s: what installing them may take */

/* clang-format off */

#define CASE(how, rules, words, size)                                                     \
	{ how " " words " " #size, "rules-" how "-" #rules, { NULL }, { "size=" #size } }
#define SIZE(size)                                                                        \
	CASE("mirred", 1, "1 rule", size), CASE("mirred", 1024, "1K rules", size),        \
	CASE("mirred", 131072, "128K rules", size), CASE("bpf", 1, "1 rule", size),       \
	CASE("bpf", 1024, "1K rules", size), CASE("bpf", 131072, "128K rules", size)

static const struct bench_case cases[] = {
	SIZE(78), SIZE(256), SIZE(800), SIZE(900), SIZE(1500),
};

static const double sizes[] = { 78, 256, 800, 900, 1500, 0 };

static const struct bench_metric metrics[] = {
	{ "through_kpps", "Kpps", "Through, both ways", 1, false, false },
	{ "offered_kpps", "Kpps", "Offered, both ways", 1, false, false },
	{ "to_server_kpps", "Kpps", "To the server", 1, false, false },
	{ "to_client_kpps", "Kpps", "To the client", 1, false, false },
	{ "through_mbps", "Mb/s", "Through, both ways", 1, false, false },
	{ "latency_mean_us", "us", "Latency mean", 1, true, false },
	{ "latency_p99_us", "us", "Latency 99%", 1, true, false },
	{ "cpu_ns", "ns", "CPU a packet", 0, true, false },
	{ "install_s", "s", "Installing the rules of one NIC", 3, true, false },
};

#define OVER(how, size)                                                                   \
	{ "128K rules over one, " how ", " #size " B", how " 128K rules " #size,          \
	  how " 1 rule " #size, "through_kpps", NULL, 0, 0, false }
#define BPF(size)                                                                         \
	{ "bpf over mirred, 128K rules, " #size " B", "bpf 128K rules " #size,            \
	  "mirred 128K rules " #size, "through_kpps", NULL, 0, 0, false }
#define BOTH(size) OVER("mirred", size), OVER("bpf", size), BPF(size)

static const struct bench_comparison comparisons[] = {
	BOTH(78), BOTH(256), BOTH(800), BOTH(900), BOTH(1500),
};

/* clang-format on */

static void metric(json_t *to, const char *name, double value)
{
	json_object_set_new(to, name, json_real(value));
}

/* Each end counts what the other one sent. */
static void metrics_fill(json_t *to, const json_t *load, double busy)
{
	double there = bench_number(load, "server.pps");
	double back = bench_number(load, "client.pps");
	double through = there + back;
	double weight = through > 0 ? there / through : 0;
	double p99[] = { bench_number(load, "server.latency_us.p99"),
			 bench_number(load, "client.latency_us.p99") };

	metric(to, "through_kpps", through / 1e3);
	metric(to, "offered_kpps",
	       (bench_number(load, "client.sent_pps") +
		bench_number(load, "server.sent_pps")) /
		       1e3);
	metric(to, "to_server_kpps", there / 1e3);
	metric(to, "to_client_kpps", back / 1e3);
	metric(to, "through_mbps",
	       bench_number(load, "server.mbps") + bench_number(load, "client.mbps"));
	metric(to, "latency_mean_us",
	       weight * bench_number(load, "server.latency_us.mean") +
		       (1 - weight) * bench_number(load, "client.latency_us.mean"));
	metric(to, "latency_p99_us", p99[0] > p99[1] ? p99[0] : p99[1]);
	metric(to, "install_s", bench_number(load, "install_seconds"));
	if (bench_number(load, "client.received") > 0)
		metric(to, "cpu_ns",
		       busy * 1e9 / (through * bench_number(load, "client.seconds")));
}

static int pps_measure(struct bench *b, const struct bench_case *c, json_t *sample,
		       struct error *err)
{
	_cleanup_free_ char *seconds = memory_printf("seconds=%g", b->seconds);
	_cleanup_free_ char *warmup = memory_printf("warmup=%g", b->warmup);
	const char *words[] = { "packets", c->kind, seconds, warmup, c->load[0], NULL };
	_cleanup_text_ struct text text = { 0 };
	json_t *to = json_object(), *load;
	struct bench_cpu before, after;
	int r;

	json_object_set_new(sample, "metrics", to);
	r = bench_background(sample, err);
	if (!r)
		r = bench_cpu_read(&before, err);
	if (!r)
		r = bench_drive(b, words, true, (unsigned int)b->seconds + 30, &text,
				err);
	if (!r)
		r = bench_cpu_read(&after, err);
	if (r < 0)
		return r;
	load = json_loads(text.text ? text.text : "", 0, NULL);
	if (!load)
		return error_say(err, EPROTO, "the packets gave no JSON");
	json_object_set_new(sample, "load", load);
	json_object_set_new(sample, "steal_seconds",
			    json_real(after.steal - before.steal));
	json_object_set_new(sample, "cpu_seconds", json_real(after.busy - before.busy));
	/* The warm-up costs as much as the rest. */
	metrics_fill(to, load,
		     (after.busy - before.busy) * b->seconds / (b->seconds + b->warmup));
	return bench_number(to, "through_kpps") > 0
		       ? 0
		       : error_say(err, EIO, "no packet came through");
}

/* What --quick tries: the smallest packets, with the fewest and the most rules. */
static int pps_possible(struct bench *b, const struct bench_case *c, struct text *reason)
{
	if (b->quick && (strcmp(c->load[0], "size=78") || strstr(c->name, "1K rules")))
		text_add(reason, "--quick leaves it out");
	return 0;
}

static void pps_figures(const json_t *result, const char *directory, json_t *list)
{
	static const char *const series[] = { "mirred 1 rule",
					      "mirred 1K rules",
					      "mirred 128K rules",
					      "bpf 1 rule",
					      "bpf 1K rules",
					      "bpf 128K rules",
					      NULL };
	const struct figure_lines figures[] = {
		{ "packets.svg", "Packets through NIC and tc, both ways together",
		  "through_kpps", "thousand packets a second", 1, false, "frame size",
		  series, sizes },
		{ "latency.svg", "Mean latency at full rate", "latency_mean_us", "us", 1,
		  true, "frame size", series, sizes },
	};

	for (size_t i = 0; i < COUNT(figures); i++)
		figure_lines(result, &figures[i], directory, list);
}

/* Whether 128K rules cost what they may, by the samples' own word. */
static void rate_say(const json_t *c, json_t *lines)
{
	double low = 1 + bench_number(c, "low") / 100,
	       high = 1 + bench_number(c, "high") / 100;
	const char *what = low >= ENOUGH   ? "reached"
			   : high < ENOUGH ? "NOT reached"
					   : "not decided by these samples";
	_cleanup_free_ char *line = memory_printf(
		"%s: %.3f of the rate (%.3f to %.3f); at least %.2f: %s.",
		json_string_value(json_object_get(c, "factor")),
		1 + bench_number(c, "percent") / 100, low, high, ENOUGH, what);

	json_array_append_new(lines, json_string(line));
}

static void pps_remarks(const json_t *result, json_t *lines)
{
	double longest = 0;
	json_t *c, *sample;
	size_t i;

	json_array_foreach(json_object_get(result, "comparisons"), i, c)
	{
		if (!strncmp(json_string_value(json_object_get(c, "factor")), "128K",
			     4) &&
		    bench_number(c, "confidence") >= STATISTICS_ENOUGH)
			rate_say(c, lines);
	}
	json_array_foreach(json_object_get(result, "samples"), i, sample)
	{
		double took = bench_number(sample, "metrics.install_s");

		longest = took > longest ? took : longest;
	}
	if (longest > 0) {
		_cleanup_free_ char *line = memory_printf(
			"Installing the rules of a NIC took at most %.2f s; less than %.0f "
			"s: %s.",
			longest, INSTALL, longest < INSTALL ? "reached" : "NOT reached");

		json_array_append_new(lines, json_string(line));
	}
}

const struct bench_suite bench_pps = {
	.name = "pps",
	.title = "packets through NIC and tc",
	.layout = "packets",
	.notes =
		"Single-tagged UDP both ways at once to 128K destinations in turn, as fast as "
		"the generators go; the blade's tc redirects each packet from one NIC to the "
		"other by a rule for its destination: one rule for all, or one for each 128, "
		"or one each. mirred: cls_u32 and act_mirred; bpf: one tc-BPF program and a "
		"hash map. Sizes are of frames with their tag and without FCS. A packet's "
		"latency counts from when its batch of 32 was made. On one machine the "
		"generators share the blade's CPUs. The paper's Table 4, on a NIC of 40 Gb/s "
		"with 128K rules, received and sent, million packets a second: 78 B 10 and "
		"6.8; 256 B 8.9 and 7.7; 800 B 3 and 3; 900 B 2.7 and 2.7; 1500 B 1.6 and "
		"1.6; mean latency 873, 883, 34, 190 and 106 us to send.",
	.cases = cases,
	.cases_n = COUNT(cases),
	.metrics = metrics,
	.metrics_n = COUNT(metrics),
	.comparisons = comparisons,
	.comparisons_n = COUNT(comparisons),
	.measure = pps_measure,
	.possible = pps_possible,
	.figures = pps_figures,
	.remarks = pps_remarks,
};
