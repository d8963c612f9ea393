/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep up`: a blade in service with one command. */
#include <stdio.h>
#include <unistd.h>

#include "deploy/blade.h"
#include "deploy/command.h"
#include "deploy/dry_run.h"
#include "deploy/notify.h"
#include "deploy/state.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"

static void up_told(const char *name, const struct blade_change *change)
{
	if (!change->converged)
		log_info("blade '%s' up in %.2f s", name, change->seconds);
	else if (change->differs.length)
		log_info("blade '%s' changed in service in %.2f s: %s", name,
			 change->seconds, change->differs.text);
	else if (change->applied)
		log_info("blade '%s' up again: %zu missing step(s) applied in %.2f s",
			 name, change->applied, change->seconds);
	else if (change->resolved)
		log_info("blade '%s' up as it was before the change that was cut short",
			 name);
	else
		log_info("blade '%s' was up already: nothing differs, nothing changed",
			 name);
}

/* Under systemd: what is to be watched is the supervisor, and this process ends. */
static void up_notify(const char *name)
{
	struct error err = { 0 };
	_cleanup_close_ int dirfd = state_open(name, false, false, &err);

	if (dirfd >= 0)
		notify_ready(state_supervisor(dirfd));
}

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
	if (r >= 0) {
		up_told(in->name, &change);
		up_notify(in->name);
	}
	text_free(&change.differs);
	return r >= 0 ? EXIT_DONE : change.incomplete ? EXIT_REMAINS : EXIT_FAILED;
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
		"On a blade that is up it applies what is missing, then changes what differs\n"
		"from the configuration in service, and touches nothing else: the next\n"
		"instances accept before the former get no more connections, and these end the\n"
		"connections they have. Nothing is interrupted but by the keys of which\n"
		"--dry-run says so. If the change fails, the former configuration serves on.\n"
		"A supervisor that is stopped or hung is ended, and another started.\n"
		"A scenario in the file wins over the one that `hapep scenario` chose; scenario\n"
		"= auto keeps it.",
	.options = OPTION_NAME | OPTION_CONFIG | OPTION_DRY_RUN | OPTION_JSON,
	.words = "",
	.run = up_run,
};
