/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line says about a benchmark. */
#ifndef DEPLOY_BENCH_OPTIONS_H
#define DEPLOY_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "helpers/error.h"

/* As many as --case may name. */
#define BENCH_CASES 64

/* Zero: not given. Texts are borrowed. */
struct bench_options {
	unsigned int rounds;
	double seconds;
	bool quick, resume, profile;
	const char *output;
	const char *generator;          /* "lab", "external" */
	const char *origin;             /* "origin", "nginx" */
	const char *family;             /* "4", "6", "both" */
	const char *hook;               /* program that runs the outside generator */
	const char *cases[BENCH_CASES]; /* the only ones to measure; none: all */
	size_t cases_n;
};

/* One of them by its word; value is NULL where it has none. -EINVAL fills err. */
int bench_option_set(const char *word, const char *value, struct bench_options *o,
		     struct error *err);

#endif
