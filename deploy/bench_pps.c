/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the paper's Table 4: packets a second through NIC and tc, however many rules. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/bench.h"
#include "deploy/bench_figure.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

#define ENOUGH  0.95 /* of the rate with one rule: what 128K rules must leave */
#define INSTALL 5.0  /* s: what installing them may take */

/* clang-format off */

#define CLS_BPF "mirred+cls_bpf"
#define CASE(how, kind, rules, words, size)                                               \
	{ how " " words " " #size, "rules-" kind "-" #rules, { NULL }, { "size=" #size } }
#define RULES(how, kind, size)                                                            \
	CASE(how, kind, 1, "1 rule", size), CASE(how, kind, 1024, "1K rules", size),      \
		CASE(how, kind, 131072, "128K rules", size)
#define SIZE(size)                                                                        \
	RULES("mirred", "mirred", size), RULES(CLS_BPF, "cls_bpf", size),                 \
		RULES("bpf", "bpf", size)

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
#define TARGET(how, size)                                                                 \
	{ "packets with 128K rules over those with one", how " 128K rules " #size,        \
	  how " 1 rule " #size, "through_kpps", ENOUGH, false }
#define TARGETS(how)                                                                      \
	TARGET(how, 78), TARGET(how, 256), TARGET(how, 800), TARGET(how, 900),            \
		TARGET(how, 1500),                                                        \
		{ "s to install the 128K rules of a NIC", how " 128K rules 78", NULL,     \
		  "install_s", INSTALL, true }

static const struct bench_target targets[] = { TARGETS("mirred"), TARGETS(CLS_BPF),
					       TARGETS("bpf") };

#define BPF(size)                                                                         \
	{ "bpf over mirred, 128K rules, " #size " B", "bpf 128K rules " #size,            \
	  "mirred 128K rules " #size, "through_kpps", NULL, 0, 0, false }
#define ALL(size) OVER("mirred", size), OVER(CLS_BPF, size), OVER("bpf", size), BPF(size)

static const struct bench_comparison comparisons[] = {
	ALL(78), ALL(256), ALL(800), ALL(900), ALL(1500),
};

/* clang-format on */

/* Each end counts what the other one sent. */
static void metrics_fill(json_t *to, const json_t *load, double busy)
{
	double there = bench_number(load, "server.pps");
	double back = bench_number(load, "client.pps");
	double through = there + back;
	double weight = through > 0 ? there / through : 0;
	double p99[] = { bench_number(load, "server.latency_us.p99"),
			 bench_number(load, "client.latency_us.p99") };

	bench_metric_set(to, "through_kpps", through / 1e3);
	bench_metric_set(to, "offered_kpps",
			 (bench_number(load, "client.sent_pps") +
			  bench_number(load, "server.sent_pps")) /
				 1e3);
	bench_metric_set(to, "to_server_kpps", there / 1e3);
	bench_metric_set(to, "to_client_kpps", back / 1e3);
	bench_metric_set(to, "through_mbps",
			 bench_number(load, "server.mbps") +
				 bench_number(load, "client.mbps"));
	bench_metric_set(to, "latency_mean_us",
			 weight * bench_number(load, "server.latency_us.mean") +
				 (1 - weight) *
					 bench_number(load, "client.latency_us.mean"));
	bench_metric_set(to, "latency_p99_us", p99[0] > p99[1] ? p99[0] : p99[1]);
	bench_metric_set(to, "install_s", bench_number(load, "install_seconds"));
	if (bench_number(load, "client.received") > 0)
		bench_metric_set(
			to, "cpu_ns",
			busy * 1e9 / (through * bench_number(load, "client.seconds")));
}

static int pps_measure(struct bench *b, const struct bench_case *c, json_t *sample,
		       struct error *err)
{
	_cleanup_free_ char *seconds = memory_printf("seconds=%g", b->seconds);
	_cleanup_free_ char *warmup = memory_printf("warmup=%g", b->warmup);
	const char *words[] = { "packets", c->kind, seconds, warmup, c->load[0], NULL };
	_cleanup_text_ struct text text = { 0 };
	json_t *to, *load;
	struct bench_cpu before, after;
	int r = bench_sample_begin(b, sample, &to, err);

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
	/* The warm-up costs as much as the rest. */
	metrics_fill(to, load,
		     bench_cpu_say(sample, &before, &after) * b->seconds /
			     (b->seconds + b->warmup));
	return bench_number(to, "through_kpps") > 0
		       ? 0
		       : error_say(err, EIO, "no packet came through");
}

/* What --quick tries: the smallest packets, with the fewest and the most rules. */
static int pps_possible(struct bench *b, const struct bench_case *c, struct text *reason)
{
	(void)bench_quick_leaves(
		b, !strcmp(c->load[0], "size=78") && !strstr(c->name, "1K rules"),
		reason);
	return 0;
}

static void pps_figures(const json_t *result, const char *directory, json_t *list)
{
	/* Six lines are what a figure has colours for. */
	static const char *const series[] = { "mirred 1 rule",
					      "mirred 128K rules",
					      CLS_BPF " 1 rule",
					      CLS_BPF " 128K rules",
					      "bpf 1 rule",
					      "bpf 128K rules",
					      NULL };
	const struct figure_lines figures[] = {
		{ "packets.svg", "Packets through NIC and tc, both ways together",
		  "through_kpps", "thousand packets a second", 1, false, "frame size",
		  series, sizes },
		{ "latency.svg", "Mean latency at full rate", "latency_mean_us", "us", 1,
		  true, "frame size", series, sizes },
	};

	for (size_t i = 0; i < BENCH_COUNT(figures); i++)
		figure_lines(result, &figures[i], directory, list);
}

const struct bench_suite bench_pps = {
	.name = "pps",
	.title = "packets through NIC and tc",
	.layout = "packets",
	.notes =
		"Single-tagged UDP both ways at once to 128K destinations in turn, as fast as "
		"the generators go; the blade's tc redirects each packet from one NIC to the "
		"other by a rule for its destination: one rule for all, or one for each 128, "
		"or one each. mirred: cls_u32 and act_mirred, what tc has by itself where "
		"there is no flower; each rule is an object of the kernel's, and a packet "
		"meets several of them, from all over memory. mirred+cls_bpf: one "
		"filter, whose tc-BPF program looks the rule up in a table, a cache line each, "
		"and whose action is act_mirred. bpf: the program redirects by itself. Sizes are of frames with their tag and without FCS. A packet's "
		"latency counts from when its batch of 32 was made. On one machine the "
		"generators share the blade's CPUs. The paper's Table 4, on a NIC of 40 Gb/s "
		"with 128K rules, received and sent, million packets a second: 78 B 10 and "
		"6.8; 256 B 8.9 and 7.7; 800 B 3 and 3; 900 B 2.7 and 2.7; 1500 B 1.6 and "
		"1.6; mean latency 873, 883, 34, 190 and 106 us to send.",
	BENCH_TABLES,
	.targets = targets,
	.targets_n = BENCH_COUNT(targets),
	.seconds = 1,
	.measure = pps_measure,
	.possible = pps_possible,
	.figures = pps_figures,
};
