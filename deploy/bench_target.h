/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was set out to be reached, and whether the samples say that it was. */
#ifndef DEPLOY_BENCH_TARGET_H
#define DEPLOY_BENCH_TARGET_H

#include <jansson.h>

#include "deploy/bench.h"
#include "deploy/bench_document.h"

/* Sets "targets" of the result from its samples; none where the suite has none. */
void bench_targets_fill(json_t *result, const struct bench_suite *suite);
/* The report's section of them. */
void bench_targets_say(const json_t *result, struct document *d);

#endif
