/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another program run to its end, without a shell. */
#ifndef HELPERS_RUN_H
#define HELPERS_RUN_H

#include "helpers/error.h"
#include "helpers/text.h"

/*
 * Runs argv[0], looked for in the system's own directories whatever PATH says, with
 * input (NULL: nothing) on its stdin and an environment of PATH and LC_ALL=C, in the
 * caller's network namespace. Adds its stdout to out (may be NULL). Returns 0 where it
 * exits with 0; -ENOENT where there is no such program; else -EPROTO, and err has the
 * first line that it wrote to stderr.
 */
int run_program(const char *const argv[], const char *input, struct text *out,
		struct error *err);

/* How run_program_within differs. */
struct run_limits {
	const char *const *environment; /* beside PATH and LC_ALL; NULL: nothing */
	int cancel;                     /* readable: end it; -1: nothing can */
	unsigned int seconds;           /* at most; 0: for ever */
};

/*
 * The same within limits, in a process group of its own, so that a terminal's ^C does
 * not reach it; argv[0] may be a path. -ECANCELED, -ETIMEDOUT: the group got SIGTERM, and
 * what did not end in 5 s SIGKILL. out gets what was written in every case.
 */
int run_program_within(const char *const argv[], const struct run_limits *limits,
		       struct text *out, struct error *err);

#endif
