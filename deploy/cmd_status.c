/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep status`: what is really there. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deploy/command.h"
#include "deploy/status.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

#define STATUS_EXITS                                                                     \
	"0 up; 1 degraded, or it cannot be asked; 2 usage or configuration; 3 down"

/*
 * The file to compare with, where there is one. A faulty one must not keep anybody from
 * seeing what is in service: unless it was asked for, that is told beside the rest.
 */
static int status_wanted(struct invocation *in, struct config *out, bool *given,
			 struct error *err)
{
	_cleanup_free_ char *standard = memory_printf("/etc/hapep/%s.conf", in->name);
	int r;

	*given = in->config || !access(standard, R_OK);
	r = *given ? invocation_config(in, out, err) : EXIT_DONE;
	*given = *given && !r;
	return in->config ? r : EXIT_DONE;
}

/* The first fault, as the tree's; none is left for main to print. */
static void status_faults(struct invocation *in, json_t *tree)
{
	if (!in->faults.length)
		return;
	json_object_set_new(tree, "configuration_file",
			    json_sprintf("faulty, and so not compared: %.*s",
					 (int)strcspn(in->faults.text, "\n"),
					 in->faults.text));
	text_free(&in->faults);
}

static int status_run(struct invocation *in, struct error *err)
{
	struct config wanted;
	json_t *tree = NULL;
	bool given;
	int r;

	if (in->argc)
		return error_say(err, 0, "unexpected argument '%s'", in->argv[0]),
		       EXIT_USAGE;
	r = status_wanted(in, &wanted, &given, err);
	if (r)
		return r;
	r = status_ask(in->name, given ? &wanted : NULL, NULL, &tree, err);
	if (r < 0)
		return r;
	status_faults(in, tree);
	return status_print(tree, r, in->json, err);
}

const struct command command_status = {
	.name = "status",
	.arguments = "",
	.summary = "tell what is really there",
	.description =
		"Asks the kernel about every step and each instance about itself; nothing is\n"
		"remembered from `up`. Says what differs from the plan, and from the\n"
		"configuration file where there is one; a faulty one at the usual place is\n"
		"told, and not compared.",
	.options = OPTION_NAME | OPTION_CONFIG | OPTION_JSON,
	.words = "",
	.exits = STATUS_EXITS,
	.run = status_run,
};
