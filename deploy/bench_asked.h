/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of a suite's cases a run is asked for: "cases" of its options, none: all. */
#ifndef DEPLOY_BENCH_ASKED_H
#define DEPLOY_BENCH_ASKED_H

#include "deploy/bench.h"

/* -EINVAL with the list of names: the suite has no such case, or a profile lacks one. */
int bench_asked_check(const struct bench_suite *suite, const struct bench_options *o,
		      struct error *err);
/* Notes in a new run's options what was asked for. */
void bench_asked_note(const struct bench *b, json_t *options);
/* -EINVAL: this call names others than the run that it is to go on with, or is to profile
 * what that lacks.
 */
int bench_asked_same(const struct bench *b, const json_t *old, struct error *err);
/* Whether names were given. */
bool bench_asked_some(const json_t *result);
bool bench_asked(const json_t *result, const char *name);
/* Both cases of it, or the one that there is. */
bool bench_asked_both(const json_t *result, const char *a, const char *b);
/* The names, for people; "" where all were meant. The caller's. */
char *bench_asked_say(const json_t *result);

#endif
