/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole run: its workers, its end, its signals and its figures. */
#ifndef TESTS_LOAD_RUN_H
#define TESTS_LOAD_RUN_H

#include <stdbool.h>

#include "tests/load/complaint.h"
#include "tests/load/plan.h"
#include "tests/load/tally.h"

struct load_figures {
	double seconds;      /* the measured window */
	double user, system; /* CPU seconds of the process in the window */
	double busiest;      /* the busiest thread's CPU time over its life, 0..1 */
	bool interrupted;    /* by SIGINT or SIGTERM */
	struct tally tally;
};

/*
 * Runs the load to its end, or until SIGINT or SIGTERM: what is under way then has a
 * second to finish, or until the signal comes again. With a terminal on stderr, writes a
 * line of progress there each second. -errno fills @why.
 */
int load_run(const struct load_plan *plan, struct load_figures *out,
	     struct complaint *why);

#endif
