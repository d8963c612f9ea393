/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep bench`: measuring a blade, and what is done with the results. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/bench.h"
#include "deploy/bench_asked.h"
#include "deploy/bench_compare.h"
#include "deploy/bench_report.h"
#include "deploy/bench_result.h"
#include "deploy/command.h"
#include "helpers/log.h"
#include "helpers/writer.h"

const struct bench_suite *const bench_suites[] = { &bench_table3, &bench_peers,
						   &bench_splice, &bench_latency,
						   &bench_pps };
const size_t bench_suites_n = sizeof(bench_suites) / sizeof(bench_suites[0]);

const struct bench_suite *bench_suite_find(const char *name)
{
	for (size_t i = 0; i < bench_suites_n; i++) {
		if (!strcmp(bench_suites[i]->name, name))
			return bench_suites[i];
	}
	return NULL;
}

static int usage(struct error *err, const char *wanted, const char *got)
{
	error_say(err, 0, "%s, got '%s'; see `hapep bench --help`", wanted, got);
	return EXIT_USAGE;
}

static int suite_run(struct invocation *in, const struct bench_suite *suite,
		     struct error *err)
{
	const struct bench_options *o = &in->bench;
	bool external = o->generator && !strcmp(o->generator, "external");

	if (in->argc > 1)
		return usage(err, "expected nothing after the benchmark", in->argv[1]);
	if (o->generator && !external && strcmp(o->generator, "lab"))
		return usage(err, "--generator: expected lab or external", o->generator);
	if (external && !suite->external)
		return usage(err, "--generator external: this benchmark needs the lab",
			     suite->name);
	if (o->profile && !suite->baseline)
		return usage(err, "--profile goes with peers", suite->name);
	if (external && !in->config)
		return usage(err,
			     "--generator external: expected --config FILE, this blade's "
			     "own",
			     "none");
	if ((o->origin || o->family) &&
	    (external || suite->measure != bench_measure_load))
		return usage(err, "--origin and --family go with the lab's transactions",
			     external ? "--generator external" : suite->name);
	if (bench_asked_check(suite, o, err) < 0)
		return EXIT_USAGE;
	if (o->hook && !external)
		return usage(err, "--hook goes with --generator external", o->hook);
	return bench_run(suite, o, in->config, err);
}

static int report_run(struct invocation *in, struct error *err)
{
	const struct bench_suite *suite;
	json_t *result = NULL;
	int r;

	if (in->argc != 2)
		return usage(err, "expected `hapep bench report RUN`",
			     in->argc > 2 ? in->argv[2] : "");
	r = bench_result_read(in->argv[1], &result, &suite, err);
	if (!r) {
		bench_result_summarise(result, suite);
		r = bench_report(result, suite, in->argv[1], err);
	}
	json_decref(result);
	return r;
}

static int compare_run(struct invocation *in, struct error *err)
{
	const struct bench_suite *suite[2] = { NULL };
	json_t *run[2] = { NULL }, *tree = NULL;
	int r = 0;

	if (in->argc != 3)
		return usage(err, "expected `hapep bench compare A B`",
			     in->argc > 3 ? in->argv[3] : "");
	for (int i = 0; !r && i < 2; i++)
		r = bench_result_read(in->argv[i + 1], &run[i], &suite[i], err);
	if (!r && suite[0] != suite[1])
		r = error_say(err, EINVAL, "%s is a run of %s, %s one of %s", in->argv[1],
			      suite[0]->name, in->argv[2], suite[1]->name);
	if (!r) {
		for (int i = 0; i < 2; i++)
			bench_result_summarise(run[i], suite[i]);
		bench_compare(run[0], run[1], suite[0], &tree);
		r = writer_print(tree, in->json, stdout);
	}
	json_decref(tree);
	json_decref(run[0]);
	json_decref(run[1]);
	return r;
}

static int bench_main(struct invocation *in, struct error *err)
{
	const char *verb = in->argc ? in->argv[0] : "";
	const struct bench_suite *suite = bench_suite_find(verb);

	if (suite)
		return suite_run(in, suite, err);
	if (!strcmp(verb, "report"))
		return report_run(in, err);
	if (!strcmp(verb, "compare"))
		return compare_run(in, err);
	return usage(err,
		     "expected table3, peers, splice, latency, pps, report or compare",
		     verb);
}

const struct command command_bench = {
	.name = "bench",
	.arguments = "BENCHMARK | report RUN | compare A B",
	.summary = "measure a blade, and compare what was measured",
	.description =
		"Brings each case of a benchmark up in a lab of namespaces on this machine (or,\n"
		"with --generator external, as a blade in service), loads it, takes it down, in\n"
		"interleaved rounds, and leaves result.json, report.md, report.html and figures\n"
		"in a directory of its own, results/BENCHMARK-DATE-TIME. A run that was stopped\n"
		"goes on with --resume.\n"
		"table3 is the paper's twelve cases; peers compares with what else there is in\n"
		"Debian; splice goes through sizes of objects from 1 KB to 64 MB; latency is how long\n"
		"payload stays in the blade; pps is the paper's Table 4, packets through NIC and\n"
		"tc with up to 128K rules. report draws a run's reports and figures again;\n"
		"compare gives the ratios of two runs.",
	.options = OPTION_CONFIG | OPTION_JSON | OPTION_ROUNDS | OPTION_SECONDS |
		   OPTION_QUICK | OPTION_OUTPUT | OPTION_RESUME | OPTION_GENERATOR |
		   OPTION_HOOK | OPTION_PROFILE | OPTION_ORIGIN | OPTION_FAMILY |
		   OPTION_CASE,
	.words = "table3 peers splice latency pps report compare",
	.exits = "0 done; 1 stopped, or samples failed; 2 usage or configuration",
	.run = bench_main,
};
