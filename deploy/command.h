/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands: one file each, one table that help, completion and manual come from. */
#ifndef DEPLOY_COMMAND_H
#define DEPLOY_COMMAND_H

#include <stdbool.h>

#include "deploy/bench_options.h"
#include "deploy/config.h"
#include "deploy/placement.h"
#include "helpers/error.h"
#include "helpers/text.h"

/* Exit statuses; `status` has its own. */
enum {
	EXIT_DONE = 0,    /* done */
	EXIT_FAILED = 1,  /* failed, everything rolled back */
	EXIT_USAGE = 2,   /* usage or configuration: nothing was changed */
	EXIT_REMAINS = 3, /* failed, and the rollback is incomplete */
};

enum command_option {
	OPTION_NAME = 1 << 0,
	OPTION_CONFIG = 1 << 1,
	OPTION_JSON = 1 << 2,
	OPTION_DRY_RUN = 1 << 3,
	OPTION_INSTANCE = 1 << 4,
	OPTION_CHECK = 1 << 5,
	OPTION_DEFAULTS = 1 << 6,
	OPTION_TOPOLOGY = 1 << 7,
	OPTION_NIC_NODE = 1 << 8,
	OPTION_NIC_QUEUES = 1 << 9,
	OPTION_TIMEOUT = 1 << 10,
	OPTION_NIC_RSS = 1 << 11,
	OPTION_CASE = 1 << 12,
	OPTION_INTERVAL = 1 << 18,
	OPTION_COUNT = 1 << 19,
	OPTION_ROUNDS = 1 << 20,
	OPTION_SECONDS = 1 << 21,
	OPTION_QUICK = 1 << 22,
	OPTION_OUTPUT = 1 << 23,
	OPTION_RESUME = 1 << 24,
	OPTION_GENERATOR = 1 << 25,
	OPTION_HOOK = 1 << 26,
	OPTION_PROFILE = 1 << 27,
	OPTION_LATENCY = 1 << 28,
	OPTION_ORIGIN = 1 << 29,
	OPTION_FAMILY = 1 << 30,
};

/* One call of the command. */
struct invocation {
	const char *name;   /* of the blade */
	const char *config; /* path; NULL: /etc/hapep/NAME.conf */
	bool json, dry_run, check, defaults, latency;
	unsigned int timeout_ms;  /* 0: not given */
	unsigned int interval_ms; /* 0: not given */
	unsigned int count;       /* 0: without end */
	int instance;             /* -1: not given */
	struct placement_standin standin;
	int argc; /* what follows the options */
	char **argv;
	struct bench_options bench;
	struct text faults; /* of the configuration: one a line, for main to print */
};

struct command {
	const char *name, *arguments, *summary;
	const char *description; /* paragraphs of plain text */
	unsigned int options;    /* enum command_option */
	const char *words;       /* what may follow, for completion: "up down show" */
	const char *exits; /* exit statuses where they differ from the common ones */
	/* An exit status, or -errno with err filled: printed, EXIT_FAILED. */
	int (*run)(struct invocation *in, struct error *err);
};

extern const struct command command_up, command_down, command_status, command_scenario,
	command_drain, command_undrain, command_doctor, command_top, command_netns,
	command_tc, command_rss, command_render, command_config, command_completion,
	command_manual, command_bench;

/* All commands in help's order. */
extern const struct command *const commands[];
extern const size_t commands_n;

struct option_row {
	enum command_option option;
	char letter; /* 0: none */
	const char *word, *value, *text;
};
extern const struct option_row option_rows[];
extern const size_t option_rows_n;

/* The configuration that the invocation means. EXIT_DONE, EXIT_USAGE or -errno. */
int invocation_config(struct invocation *in, struct config *out, struct error *err);

#endif
