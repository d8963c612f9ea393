/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two runs of one suite beside each other. */
#ifndef DEPLOY_BENCH_COMPARE_H
#define DEPLOY_BENCH_COMPARE_H

#include <jansson.h>

#include "deploy/bench.h"

/*
 * The ratio of each metric of each case that both have, b to a, with its interval; in
 * what machine, options and configurations differ; and why either's figures are doubtful.
 * The tree is for writer_print(); *out is the caller's.
 */
void bench_compare(const json_t *a, const json_t *b, const struct bench_suite *suite,
		   json_t **out);

#endif
