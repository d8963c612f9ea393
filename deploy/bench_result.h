/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a run found: result.json, its samples, and what follows from them. */
#ifndef DEPLOY_BENCH_RESULT_H
#define DEPLOY_BENCH_RESULT_H

#include "deploy/bench.h"
#include "helpers/statistics.h"

/* Where runs go that no --output names. */
#define BENCH_RESULTS "results"

/*
 * Makes the run's directory with an empty result, or with --resume reads an unfinished
 * one: --output DIR, else results/SUITE-DATE-TIME, or the newest of those. Directory and
 * lab are this process's until bench_locks_end(). Fills b's directory, result, lab and
 * load.
 */
int bench_result_open(struct bench *b, struct error *err);
/* An empty one, of what b is set to; a new reference. */
json_t *bench_result_new(const struct bench *b);
/* A whole file, made or replaced. */
int bench_file_write(const char *path, const char *bytes, struct error *err);
/* The result in a directory, and the suite that made it. *out is the caller's. */
int bench_result_read(const char *directory, json_t **out,
		      const struct bench_suite **suite, struct error *err);
/* As a whole or not at all. */
int bench_result_write(const json_t *result, const char *directory, struct error *err);
/* Takes the sample in, in place of an earlier one of its case and round, and writes. */
int bench_result_add(json_t *result, const char *directory, json_t *sample,
		     struct error *err);
/* Borrowed; NULL: not taken yet. */
const json_t *bench_result_sample(const json_t *result, const char *name,
				  unsigned int round);
size_t bench_result_failures(const json_t *result);
/* The metric's values in the samples of a case that did not fail; the caller's. */
double *bench_result_values(const json_t *result, const char *name, const char *metric,
			    size_t *n);
/*
 * Round by round, the ratios of case a's metric to b's, or their differences, or where b
 * is NULL what a has: drift of the machine goes out of them. The caller's.
 */
double *bench_result_pairs(const json_t *result, const struct bench_comparison *c,
			   size_t *n);
/* Sets "summary", "comparisons" and "targets" from the samples. */
void bench_result_summarise(json_t *result, const struct bench_suite *suite);

/* ---- bench_resume.c ---- */

/* bench_result_open() for --resume. */
int bench_resume(struct bench *b, struct error *err);
/*
 * Whether samples of result now may go beside those of was: the same suite, options but
 * for rounds, which may grow, and machine. -EINVAL names what differs, and what to do.
 */
int bench_resume_check(const json_t *was, const json_t *now, const char *directory,
		       struct error *err);

#endif
