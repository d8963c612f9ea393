/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of the load generator. */
#ifndef TESTS_LOAD_OPTIONS_H
#define TESTS_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/load/argument.h"
#include "tests/load/complaint.h"

/* Texts are borrowed from argv; what is not given is as argument.h says. */
struct load_options {
	struct argument_list targets, sources;
	const char *path;
	const char *host;
	uint64_t expect_size;
	const char *expect_file;
	bool who;
	uint64_t connections;
	double rate;
	double hold;
	double duration;
	uint64_t count;
	double warmup;
	double timeout;
	uint64_t threads;
	const char *cpus;
	const char *close;
	bool freebind;
	bool json;
	bool help;
};

extern const struct argument_table load_options_table;

/*
 * Reads the command line, fills in what follows from it (--connections, --duration,
 * --path, --close) and refuses what contradicts itself. -EINVAL fills @why. With --help
 * nothing more is checked.
 */
int load_options_parse(int argc, char **argv, struct load_options *out,
		       struct complaint *why);

#endif
