/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a transaction costs the machine, by the kernel's own counters. */
#ifndef DEPLOY_BENCH_COST_H
#define DEPLOY_BENCH_COST_H

#include <jansson.h>

#include "deploy/bench.h"
#include "deploy/bench_document.h"

/* Metrics that every sample of transactions has beside its suite's. */
extern const struct bench_metric bench_costs[];
extern const size_t bench_costs_n;

/* The report's section of them, beside the baseline's; nothing where no sample has them.
 */
void bench_costs_say(const json_t *result, const struct bench_suite *suite,
		     struct document *d);

#endif
