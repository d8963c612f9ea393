/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep status`: what is really there. */
#include <stdio.h>
#include <unistd.h>

#include "deploy/command.h"
#include "deploy/status.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

#define STATUS_EXITS                                                                     \
	"0 up; 1 degraded, or it cannot be asked; 2 usage or configuration; 3 down"

static int status_run(struct invocation *in, struct error *err)
{
	_cleanup_free_ char *standard = memory_printf("/etc/hapep/%s.conf", in->name);
	struct config wanted;
	json_t *tree = NULL;
	bool given = in->config || !access(standard, R_OK);
	int r;

	if (in->argc)
		return error_say(err, 0, "unexpected argument '%s'", in->argv[0]),
		       EXIT_USAGE;
	if (given) {
		r = invocation_config(in, &wanted, err);
		if (r)
			return r;
	}
	r = status_ask(in->name, given ? &wanted : NULL, NULL, &tree, err);
	if (r < 0)
		return r;
	return status_print(tree, r, in->json, err);
}

const struct command command_status = {
	.name = "status",
	.arguments = "",
	.summary = "tell what is really there",
	.description =
		"Asks the kernel about every step and each instance about itself; nothing is\n"
		"remembered from `up`. Says what differs from the plan, and from the\n"
		"configuration file where there is one.",
	.options = OPTION_NAME | OPTION_CONFIG | OPTION_JSON,
	.words = "",
	.exits = STATUS_EXITS,
	.run = status_run,
};
