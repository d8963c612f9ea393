/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep config`: a configuration checked, or written out whole. */
#include <stdio.h>

#include "deploy/command.h"

static int config_run(struct invocation *in, struct error *err)
{
	_cleanup_text_ struct text out = { 0 };
	struct config config;
	int r = EXIT_DONE;

	if (in->argc) {
		error_say(err, 0, "unexpected argument '%s'", in->argv[0]);
		return EXIT_USAGE;
	}
	if (in->defaults)
		config_defaults(&config);
	else
		r = invocation_config(in, &config, err);
	if (r || in->check)
		return r;
	config_write(&config, in->defaults, &out);
	fputs(out.text, stdout);
	return EXIT_DONE;
}

const struct command command_config = {
	.name = "config",
	.arguments = "",
	.summary = "check a configuration, or print it with every default",
	.description =
		"Reads and validates a configuration without looking at the machine, and prints\n"
		"it back with every key; --check prints nothing and tells by its exit status;\n"
		"--defaults prints every key with its meaning and default.",
	.options = OPTION_NAME | OPTION_CONFIG | OPTION_CHECK | OPTION_DEFAULTS,
	.words = "",
	.run = config_run,
};
