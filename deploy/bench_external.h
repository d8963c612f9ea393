/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An operator's own traffic generator: called by a hook, or waited for. */
#ifndef DEPLOY_BENCH_EXTERNAL_H
#define DEPLOY_BENCH_EXTERNAL_H

#include "deploy/bench.h"

/*
 * The case is up on this machine. Calls the hook `HOOK load CASE SECONDS CONFIGURATION`,
 * whose stdout is JSON as the lab's generator writes it (what is left out counts as 0),
 * or asks on the terminal for the figures. *out is the caller's.
 */
int bench_external_load(struct bench *b, const struct bench_case *c, json_t **out,
			struct error *err);

#endif
