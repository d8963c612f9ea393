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

#endif
