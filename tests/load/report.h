/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report of a run, for people and as JSON. */
#ifndef TESTS_LOAD_REPORT_H
#define TESTS_LOAD_REPORT_H

#include <stdio.h>

#include "tests/load/options.h"
#include "tests/load/plan.h"
#include "tests/load/run.h"

/* Rates are by the second, sizes in bytes, latencies in microseconds. */
void load_report_text(const struct load_options *options, const struct load_plan *plan,
		      const struct load_figures *figures, FILE *out);

/* The same and all options, as one object and a newline. 0, or -EIO. */
int load_report_json(const struct load_options *options, const struct load_plan *plan,
		     const struct load_figures *figures, FILE *out);

#endif
