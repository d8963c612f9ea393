/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When, how and on what a run was measured, and whether something disturbed it. */
#ifndef DEPLOY_BENCH_CONDITIONS_H
#define DEPLOY_BENCH_CONDITIONS_H

#include <jansson.h>
#include <stddef.h>

#include "deploy/bench_document.h"

/* Others used more of the machine than this before a sample: not a quiet machine. */
#define BENCH_QUIET 0.05

/* Samples with a look before them; not quiet then; whose time the hypervisor took. */
struct bench_quiet {
	size_t samples, loud, stolen;
	double most; /* the greatest share that others used */
};

/* Of a case's samples; name NULL: of all. */
void bench_quiet_count(const json_t *result, const char *name, struct bench_quiet *out);
/* A report's paragraphs of that, after its title. */
void bench_conditions_say(const json_t *result, struct document *d);

#endif
