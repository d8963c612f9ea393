/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep up`: a blade in service with one command. */
#include <stdio.h>

#include "deploy/blade.h"
#include "deploy/command.h"
#include "deploy/dry_run.h"
#include "helpers/log.h"

static int up_run(struct invocation *in, struct error *err)
{
	struct blade_change change;
	struct config config;
	int r;

	if (in->argc)
		return error_say(err, 0, "unexpected argument '%s'", in->argv[0]),
		       EXIT_USAGE;
	r = invocation_config(in, &config, err);
	if (r)
		return r;
	if (in->dry_run)
		return dry_run_up(in, &config, NULL, err);
	r = blade_up(in->name, &config, NULL, &change, err);
	if (r < 0)
		return change.incomplete ? EXIT_REMAINS : EXIT_FAILED;
	if (change.converged && !change.applied)
		log_info("blade '%s' was up already: nothing differs, nothing changed",
			 in->name);
	else if (change.converged)
		log_info("blade '%s' up again: %zu missing step(s) applied in %.2f s",
			 in->name, change.applied, change.seconds);
	else
		log_info("blade '%s' up in %.2f s", in->name, change.seconds);
	return EXIT_DONE;
}

const struct command command_up = {
	.name = "up",
	.arguments = "",
	.summary = "put a blade in service",
	.description =
		"Reads and validates the configuration whole, probes this machine, and only\n"
		"then changes it, step by step, each journalled with what undoes it: the\n"
		"namespace, its veth pairs, addresses, routes and rules, the listening sockets,\n"
		"the supervisor with the HAProxy instances, and last the redirects on the NIC.\n"
		"Returns once every instance accepts. If a step fails, everything is undone.\n"
		"On a blade that is up it applies what is missing and touches nothing else.",
	.options = OPTION_NAME | OPTION_CONFIG | OPTION_DRY_RUN,
	.words = "",
	.run = up_run,
};
