/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the CPU time of a transaction goes, by perf, or by /proc and BPF statistics. */
#ifndef DEPLOY_BENCH_PROFILE_H
#define DEPLOY_BENCH_PROFILE_H

#include "deploy/bench.h"
#include "deploy/bench_document.h"

/*
 * Brings the suite's baseline and hapep's own cases up once more each, loads them with
 * perf(1) beside, or where that does not work with /proc and BPF's run-time statistics,
 * and keeps what it saw in "profiles" of the result: no sample, since it costs time
 * itself. A profile that fails is said on the log, and left out.
 */
int bench_profile(struct bench *b, struct error *err);
/* Its tables, where a result has profiles. */
void bench_profile_say(const json_t *result, const struct bench_suite *suite,
		       struct document *d);

#endif
