/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An operator's own traffic generator: called by a hook, or waited for. */
#ifndef DEPLOY_BENCH_EXTERNAL_H
#define DEPLOY_BENCH_EXTERNAL_H

#include "deploy/bench.h"

/*
 * The case is up on this machine. Calls the hook `HOOK load CASE SECONDS CONFIGURATION`,
 * with HAPEP_... words of what to do in its environment, whose stdout is JSON as the
 * lab's generator writes it, or asks on the terminal for the figures. What they do not
 * say is not in *out, or null. *out is the caller's.
 */
int bench_external_load(struct bench *b, const struct bench_case *c, json_t **out,
			struct error *err);
/* Whether each figure in a hook's JSON is a number, and "tps" is one; -EPROTO names it.
 */
int bench_external_check(const struct bench *b, const json_t *load, struct error *err);

#endif
