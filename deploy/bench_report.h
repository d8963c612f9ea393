/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A result for people: report.md, report.html, figures. */
#ifndef DEPLOY_BENCH_REPORT_H
#define DEPLOY_BENCH_REPORT_H

#include "deploy/bench.h"

/* Draws the figures and writes both reports into the directory. */
int bench_report(const json_t *result, const struct bench_suite *suite,
		 const char *directory, struct error *err);

#endif
