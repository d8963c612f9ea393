/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The load generator's main(): one TCP connection a transaction, each one checked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/load/options.h"
#include "tests/load/plan.h"
#include "tests/load/report.h"
#include "tests/load/run.h"

enum { STATUS_OK, STATUS_FAILURES, STATUS_USAGE };

static int complain(int status, const struct complaint *why)
{
	fprintf(stderr, "load: %s\n", why->msg);
	return status;
}

static int report(const struct load_options *options, const struct load_plan *plan,
		  const struct load_figures *figures)
{
	const struct tally *tally = &figures->tally;

	if (options->json)
		load_report_json(options, plan, figures, stdout);
	else
		load_report_text(options, plan, figures, stdout);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "load: write the report: %s\n", strerror(errno));
		return STATUS_FAILURES;
	}
	return tally_failures(tally) || !(tally->ok + tally->drained_ok) ? STATUS_FAILURES
									 : STATUS_OK;
}

static int measure(const struct load_options *options, const struct load_plan *plan)
{
	struct load_figures *figures = malloc(sizeof(*figures));
	struct complaint why;
	int status;

	if (!figures)
		abort();
	if (load_plan_try_sources(plan, &why) || load_run(plan, figures, &why))
		status = complain(STATUS_FAILURES, &why);
	else
		status = report(options, plan, figures);
	free(figures);
	return status;
}

int main(int argc, char **argv)
{
	struct load_options options;
	struct load_plan plan = { 0 };
	struct complaint why;
	int status;

	if (load_options_parse(argc, argv, &options, &why)) {
		status = complain(STATUS_USAGE, &why);
	} else if (options.help) {
		arguments_help(&load_options_table, stdout);
		status = STATUS_OK;
	} else if (load_plan_make(&options, &plan, &why)) {
		status = complain(STATUS_USAGE, &why);
	} else {
		status = measure(&options, &plan);
	}
	load_plan_free(&plan);
	return status;
}
