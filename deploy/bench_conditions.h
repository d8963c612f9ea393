/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When, how and on what a run was measured, and whether something disturbed it. */
#ifndef DEPLOY_BENCH_CONDITIONS_H
#define DEPLOY_BENCH_CONDITIONS_H

#include <jansson.h>

#include "deploy/bench_document.h"

/* A report's paragraphs of that, after its title. */
void bench_conditions_say(const json_t *result, struct document *d);

#endif
