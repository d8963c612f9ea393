/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the paper's Table 3: its twelve cases, its comparisons, its figures 3 to 6. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "deploy/bench.h"
#include "deploy/bench_figure.h"
#include "deploy/config.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

/* clang-format off */

#define CASE(scenario, proxy, splice, rss, numa)                                          \
	{ scenario " " proxy " splice=" splice " " rss " " numa, "blade",                 \
	  { "blade.scenario=" scenario, "haproxy.mode=" proxy, "haproxy.splice=" splice,  \
	    "placement.rss=" rss, "placement.numa=" numa },                                                   \
	  { "size=8192" } }

static const struct bench_case cases[] = {
	CASE("NO-NF", "tcp", "on", "symmetric", "spread"),
	CASE("NO-NF", "tcp", "on", "symmetric", "bind"),
	CASE("NO-NF", "tcp", "on", "asymmetric", "bind"),
	CASE("NO-NF", "tcp", "off", "symmetric", "bind"),
	CASE("NO-NF", "http", "on", "symmetric", "bind"),
	CASE("NO-NF", "http", "off", "symmetric", "bind"),
	CASE("NF-NO-IPT", "tcp", "on", "symmetric", "spread"),
	CASE("NF-NO-IPT", "tcp", "on", "symmetric", "bind"),
	CASE("NF-NO-IPT", "tcp", "on", "asymmetric", "bind"),
	CASE("NF-IPT", "tcp", "on", "symmetric", "spread"),
	CASE("NF-IPT", "tcp", "on", "symmetric", "bind"),
	CASE("NF-IPT", "tcp", "on", "asymmetric", "bind"),
};

static const struct bench_metric metrics[] = {
	BENCH_TPS,
	{ "ttfb_mean_us", "us", "TTFB mean", 0, true, false },
	BENCH_TTFB_MEDIAN,
	BENCH_TTFB_99,
	{ "cpu_us", "us", "CPU a transaction", 1, true, false },
	BENCH_FAILURES,
};

#define TCP(scenario, rss, numa) scenario " tcp splice=on " rss " " numa
#define BEST(scenario)           TCP(scenario, "symmetric", "bind")
#define PAPER(factor, a, b, tps_low, tps_high, ttfb_low, ttfb_high)                       \
	{ factor, a, b, "tps", "paper", tps_low, tps_high, false },                              \
	{ factor, a, b, "ttfb_mean_us", "paper", ttfb_low, ttfb_high, false }
#define RSS(scenario)                                                                     \
	PAPER("symmetric over asymmetric RSS, " scenario, BEST(scenario),                 \
	      TCP(scenario, "asymmetric", "bind"), 2, 2, -6, -3)
#define NUMA(scenario, ttfb)                                                              \
	PAPER("not bound to the node, " scenario, TCP(scenario, "symmetric", "spread"),   \
	      BEST(scenario), -14, -10, ttfb, ttfb)

/* The paper's own text, of 97K TPS and 2.8 ms: where it gives a difference, its share. */
static const struct bench_comparison comparisons[] = {
	PAPER("netfilter without a rule (NF-NO-IPT over NO-NF)", BEST("NF-NO-IPT"),
	      BEST("NO-NF"), -3.1, -3.1, 7.1, 7.1),
	PAPER("one TPROXY rule (NF-IPT over NF-NO-IPT)", BEST("NF-IPT"),
	      BEST("NF-NO-IPT"), -1, -1, 3, 3),
	RSS("NO-NF"), RSS("NF-NO-IPT"), RSS("NF-IPT"),
	NUMA("NO-NF", -14), NUMA("NF-NO-IPT", -20), NUMA("NF-IPT", -32),
	PAPER("HTTP mode", "NO-NF http splice=on symmetric bind", BEST("NO-NF"),
	      -23.7, -23.7, 57, 57),
	PAPER("no splice, TCP mode", "NO-NF tcp splice=off symmetric bind", BEST("NO-NF"),
	      -3, -3, 10, 10),
	PAPER("no splice, HTTP mode", "NO-NF http splice=off symmetric bind",
	      "NO-NF http splice=on symmetric bind", 0, 0, -18, -18),
};

/* clang-format on */

static bool has(const struct bench_case *c, const char *setting)
{
	for (size_t i = 0; i < BENCH_SETTINGS && c->settings[i]; i++) {
		if (!strcmp(c->settings[i], setting))
			return true;
	}
	return false;
}

/* Receive queues of the blade's own NIC, with an outside generator. */
static unsigned int nic_queues(const struct bench *b)
{
	_cleanup_text_ struct text ignored = { 0 };
	_cleanup_free_ char *path = NULL;
	struct config config;
	const struct dirent *e;
	unsigned int n = 0;
	DIR *d;

	if (config_read(b->base, &config, &ignored) < 0)
		return 0;
	path = memory_printf("/sys/class/net/%s/queues", config.side[SIDE_CLIENT].nic);
	d = opendir(path);
	while (d && (e = readdir(d)))
		n += !strncmp(e->d_name, "rx-", 3);
	if (d)
		closedir(d);
	return n;
}

static int table3_possible(struct bench *b, const struct bench_case *c,
			   struct text *reason)
{
	json_t *machine = json_object_get(b->result, "machine");
	double nodes = bench_number(machine, "numa_nodes");

	if (has(c, "placement.numa=spread") && nodes < 2)
		text_add(reason, "this machine has one NUMA node: there is no other to "
				 "spread to");
	else if (has(c, "placement.rss=asymmetric") && b->lab[0])
		text_add(reason, "the lab's NICs are veth pairs with one receive queue: "
				 "there is no hash to make asymmetric");
	else if (has(c, "placement.rss=asymmetric") && nic_queues(b) < 2)
		text_add(reason,
			 "the NIC has one receive queue: there is no hash to make "
			 "asymmetric");
	return 0;
}

static void table3_figures(const json_t *result, const char *directory, json_t *list)
{
	static const char *const scenarios[] = { "NO-NF", "NF-NO-IPT", "NF-IPT", NULL };
	static const char *const placement[] = { "symmetric, no bind", "asymmetric, bind",
						 "symmetric, bind", NULL };
	static const char *const modes[] = { "TCP proxy", "HTTP proxy", NULL };
	static const char *const splice[] = { "splice", "no splice", NULL };
	static const char *const rss_cases[] = { cases[0].name, cases[2].name,
						 cases[1].name, cases[6].name,
						 cases[8].name, cases[7].name,
						 cases[9].name, cases[11].name,
						 cases[10].name };
	static const char *const splice_cases[] = { cases[1].name, cases[3].name,
						    cases[4].name, cases[5].name };
	const struct figure_bars figures[] = {
		{ "figure3-tps-rss.svg", "TPS impact of RSS mode (the paper's figure 3)",
		  "tps", "thousand transactions a second", 1e-3, scenarios, placement,
		  rss_cases },
		{ "figure4-ttfb-rss.svg",
		  "Latency impact of RSS mode (the paper's figure 4)", "ttfb_mean_us",
		  "time to first byte, ms", 1e-3, scenarios, placement, rss_cases },
		{ "figure5-tps-splice.svg",
		  "TPS impact of TCP splicing (the paper's figure 5)", "tps",
		  "thousand transactions a second", 1e-3, modes, splice, splice_cases },
		{ "figure6-ttfb-splice.svg",
		  "Latency impact of TCP splicing (the paper's figure 6)", "ttfb_mean_us",
		  "time to first byte, ms", 1e-3, modes, splice, splice_cases },
	};

	for (size_t i = 0; i < BENCH_COUNT(figures); i++)
		figure_bars(result, &figures[i], directory, list);
}

const struct bench_suite bench_table3 = {
	.name = "table3",
	.title = "the paper's twelve cases",
	.layout = "tagged",
	.notes =
		"The paper's own figures: 97K TPS and 2.8 ms to the first byte for NO-NF, TCP, "
		"splice, symmetric, bind, with 20 HAProxy processes on a 14-core Xeon "
		"E5-2648L and an XL710 (Linux 4.11, HAProxy 1.4); 8 KB objects, one a "
		"connection. RSS over both nodes, which is none of its twelve cases, gave as "
		"little as 20K. NO-NF there is a kernel built without netfilter; on a kernel "
		"that has it, NO-NF and NF-NO-IPT are one and the same path, and what "
		"differs between them is noise. Where NICs have one receive queue, as in "
		"the lab, symmetric is the one way there is, and where there is one NUMA "
		"node, so is bind.",
	BENCH_TABLES,
	.costs = true,
	.seconds = 5,
	.external = true,
	.measure = bench_measure_load,
	.possible = table3_possible,
	.figures = table3_figures,
};
