/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the comparison with what a user would have instead, and with what it takes at
 * least. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deploy/bench.h"
#include "deploy/bench_figure.h"

/* clang-format off */

#define LOAD { "size=8192", "paced=0.7" }

#define WINDOW "haproxy.model=processes", "client.initcwnd=20"
#define BATCH  WINDOW, "haproxy.scheduling=batch"
#define HTTP   WINDOW, "haproxy.mode=http"
#define REUSE  HTTP, "haproxy.source=clientip", "haproxy.reuse=yes"
#define ONE    "haproxy.processes=1"

static const struct bench_case cases[] = {
	{ "forwarding", "forward", { NULL }, LOAD },
	{ "relay", "relay", { "haproxy.model=processes" }, LOAD },
	{ "haproxy by rules", "haproxy-rules", { "haproxy.model=processes" }, LOAD },
	{ "hapep", "blade", { "haproxy.model=processes" }, LOAD },
	{ "hapep, no splice", "blade", { "haproxy.model=processes", "haproxy.splice=off" },
	  LOAD },
	{ "hapep, window 20", "blade", { WINDOW }, LOAD },
	{ "hapep, window 20, batch", "blade", { BATCH }, LOAD },
	{ "hapep, window 20, batch, one", "blade", { BATCH, ONE }, LOAD },
	{ "hapep http", "blade", { HTTP }, LOAD },
	{ "hapep http, reuse", "blade", { REUSE }, LOAD },
	{ "hapep http, reuse, one", "blade", { REUSE, ONE }, LOAD },
	{ "hapep mirred", "blade", { "blade.datapath=mirred" }, LOAD },
	{ "hapep threads", "blade", { "haproxy.model=threads" }, LOAD },
	{ "haproxy how-to", "haproxy-howto", { NULL }, LOAD },
	{ "haproxy how-to, threads", "haproxy-howto-threads", { NULL }, LOAD },
	{ "nginx stream", "nginx-stream", { NULL }, LOAD },
	{ "squid", "squid", { NULL }, LOAD },
};

static const struct bench_metric metrics[] = {
	BENCH_TPS,
	{ "cpu_above_us", "us", "CPU a transaction above forwarding", 1, true, false },
	BENCH_TTFB_MEDIAN,
	BENCH_TTFB_99,
	{ "paced_ttfb_p50_us", "us", "TTFB median at 70% of the peak", 0, true, false },
	{ "paced_ttfb_p99_us", "us", "TTFB 99% at 70% of the peak", 0, true, false },
	{ "paced_late_p99_us", "us", "SYN late 99% at 70% of the peak", 0, true, false },
	{ "cpu_us", "us", "CPU a transaction, all", 1, true, false },
	BENCH_FAILURES,
};

#define OVER(a, b)                                                                        \
	{ a " over " b, a, b, "tps", NULL, 0, 0, false },                                        \
	{ a " over " b, a, b, "paced_ttfb_p99_us", NULL, 0, 0, false }

/* What proxying costs, in parts that add up. */
#define PART(what, a, b) { what " (" a " less " b ")", a, b, "cpu_us", NULL, 0, 0, true }

static const struct bench_comparison comparisons[] = {
	PART("TCP ended", "relay", "forwarding"),
	PART("HAProxy", "haproxy by rules", "relay"),
	PART("hapep's own", "hapep", "haproxy by rules"),
	OVER("relay", "forwarding"),
	OVER("haproxy by rules", "forwarding"),
	OVER("hapep", "forwarding"),
	OVER("hapep, no splice", "forwarding"),
	OVER("hapep, window 20", "forwarding"),
	OVER("hapep, window 20, batch", "forwarding"),
	OVER("hapep, window 20, batch, one", "forwarding"),
	OVER("hapep http", "forwarding"),
	OVER("hapep http, reuse", "forwarding"),
	OVER("hapep http, reuse, one", "forwarding"),
	OVER("hapep mirred", "forwarding"),
	OVER("hapep threads", "forwarding"),
	OVER("haproxy how-to", "forwarding"),
	OVER("haproxy how-to, threads", "forwarding"),
	OVER("nginx stream", "forwarding"),
	OVER("squid", "forwarding"),
	OVER("hapep", "haproxy how-to"),
	OVER("hapep", "haproxy how-to, threads"),
};

/* What is set out to be reached, by each way that hapep can be set. */
#define TARGETS(which)                                                                    \
	{ "TPS over forwarding's", which, "forwarding", "tps", 0.65, false },             \
	{ "us of CPU a transaction above forwarding's", which, NULL, "cpu_above_us", 40,  \
	  true },                                                                         \
	{ "TTFB 99% over forwarding's, at 70% of the peak", which, "forwarding",          \
	  "paced_ttfb_p99_us", 2, true }

static const struct bench_target targets[] = {
	TARGETS("hapep"),
	TARGETS("hapep, no splice"),
	TARGETS("hapep, window 20"),
	TARGETS("hapep, window 20, batch"),
	TARGETS("hapep, window 20, batch, one"),
	TARGETS("hapep http, reuse"),
	TARGETS("hapep http, reuse, one"),
	TARGETS("hapep threads"),
};

/* clang-format on */

static bool kind_is_dual(const char *kind)
{
	static const char *const kinds[] = { "forward", "relay", "haproxy-rules",
					     "blade" };

	for (size_t i = 0; i < BENCH_COUNT(kinds); i++) {
		if (!strcmp(kind, kinds[i]))
			return true;
	}
	return false;
}

/* What each of them takes to be here. */
int bench_peers_possible(struct bench *b, const struct bench_case *c, struct text *reason)
{
	static const struct {
		const char *kind, *path, *package;
	} needs[] = {
		{ "haproxy", "/usr/sbin/haproxy", "haproxy" },
		{ "haproxy-howto", "/usr/sbin/iptables", "iptables" },
		{ "haproxy-howto", "/usr/sbin/conntrack", "conntrack" },
		{ "nginx", "/usr/sbin/nginx", "nginx-light" },
		{ "nginx", "/usr/lib/nginx/modules/ngx_stream_module.so",
		  "libnginx-mod-stream" },
		{ "nginx", "/usr/sbin/iptables", "iptables" },
		{ "nginx", "/usr/sbin/conntrack", "conntrack" },
		{ "squid", "/usr/sbin/squid", "squid" },
		{ "squid", "/usr/sbin/iptables", "iptables" },
		{ "squid", "/usr/sbin/conntrack", "conntrack" },
	};

	if (strcmp(b->family, "4") != 0 && !kind_is_dual(c->kind)) {
		text_add(reason, "it is set up for IPv4 alone, as the how-tos have it");
		return 0;
	}
	for (size_t i = 0; i < BENCH_COUNT(needs); i++) {
		if (strncmp(c->kind, needs[i].kind, strlen(needs[i].kind)) ||
		    !access(needs[i].path, F_OK))
			continue;
		text_add(reason, "there is no %s: install %s", needs[i].path,
			 needs[i].package);
		break;
	}
	return 0;
}

static void peers_figures(const json_t *result, const char *directory, json_t *list)
{
	static const char *const groups[] = { "forward-\\ning",
					      "relay",
					      "haproxy\\nby rules",
					      "hapep",
					      "no\\nsplice",
					      "window\\n20",
					      "window 20\\nbatch",
					      "the same,\\none",
					      "http",
					      "reuse",
					      "reuse,\\none",
					      "mirred",
					      "hapep\\nthreads",
					      "how-to",
					      "how-to\\nthreads",
					      "nginx",
					      "squid",
					      NULL };
	static const char *const one[] = { "median", NULL };
	static const char *const names[] = {
		cases[0].name,  cases[1].name,  cases[2].name,  cases[3].name,
		cases[4].name,  cases[5].name,  cases[6].name,  cases[7].name,
		cases[8].name,  cases[9].name,  cases[10].name, cases[11].name,
		cases[12].name, cases[13].name, cases[14].name, cases[15].name,
		cases[16].name
	};
	const struct figure_bars figures[] = {
		{ "tps.svg", "Transactions", "tps", "thousand transactions a second",
		  1e-3, groups, one, names },
		{ "cpu.svg", "CPU a transaction above forwarding", "cpu_above_us", "us",
		  1, groups, one, names },
		{ "ttfb-99.svg",
		  "TTFB, 99th percentile, at 70 per cent of each one's peak",
		  "paced_ttfb_p99_us", "ms", 1e-3, groups, one, names },
	};

	for (size_t i = 0; i < BENCH_COUNT(figures); i++)
		figure_bars(result, &figures[i], directory, list);
}

const struct bench_suite bench_peers = {
	.name = "peers",
	.title = "hapep beside what else there is in Debian",
	.layout = "untagged",
	.notes =
		"forwarding: the blade as a plain router. relay: TCP ended by a program that "
		"does nothing else, a thread on each CPU that hapep has an instance on; "
		"policy rules bring it the packets (no namespace of its own, no tc, no "
		"netfilter), so that it is the least that a proxy in userland costs. haproxy "
		"by rules: the same way in, and HAProxy with the configuration that hapep "
		"renders but for what is hapep's own: its probe, stats socket, root "
		"directory and device. In each round, what hapep costs above forwarding is "
		"the sum of three differences: the relay less forwarding (TCP ended), haproxy "
		"by rules less the relay (HAProxy), hapep less that (its namespace, veth "
		"pairs, tc, sysctls, seccomp filter and supervisor). hapep, window 20: as "
		"hapep with initcwnd = 20 towards the clients, so that an object of 8 KB "
		"leaves in one piece; batch: with scheduling = batch too; one: one instance "
		"for all CPUs, which here generator and origin need as well. hapep http: with "
		"the window, in HTTP mode; reuse: connections to the origin stay for the next "
		"request of the same client's address, so that proxy and origin are both "
		"spared most of them, and what it costs above forwarding is less by what the "
		"origin saves; 250 client addresses take turns. haproxy how-to: one process, "
		"iptables' socket match and TPROXY, connection tracking on, usesrc clientip; "
		"then with as many threads as CPUs. nginx stream: proxy_bind transparent, "
		"and REDIRECT on the client side, since it can only connect to a server that "
		"it is told. squid: TPROXY, caching off, one worker. All four track "
		"connections, two entries for each: with the kernel's own 120 s in "
		"TIME_WAIT the table (nf_conntrack_max, usually 262144) would be full within "
		"seconds, and about 1,100 connections a second all that it can sustain; so "
		"nf_conntrack_tcp_timeout_time_wait and _close are 1 s for them, and the "
		"table is emptied after each. All of them "
		"untagged, on a NIC for each side. At 70 per cent of its own peak each one "
		"is loaded in an open loop, where a latency counts from the intended start: what "
		"passes before the SYN is the generator's own wait for a CPU. Before each case "
		"the TIME_WAIT sockets of the one before are ended, where the kernel can (ss "
		"-K): their timers run out a minute later, all those of two seconds or more at "
		"once, and with tens of thousands of them that holds a CPU for 10 ms and more. "
		"Generator, origin and blade share the CPUs, so that a 99th percentile on few "
		"of them is also how long each waits for the others.",
	BENCH_TABLES,
	.costs = true,
	.targets = targets,
	.targets_n = BENCH_COUNT(targets),
	.seconds = 5,
	.baseline = "forwarding",
	.measure = bench_measure_load,
	.possible = bench_peers_possible,
	.figures = peers_figures,
};
