/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep down`: a blade out of service, without a trace. */
#include <errno.h>

#include "deploy/blade.h"
#include "deploy/command.h"
#include "deploy/dry_run.h"
#include "helpers/log.h"

static int down_run(struct invocation *in, struct error *err)
{
	int r;

	if (in->argc)
		return error_say(err, 0, "unexpected argument '%s'", in->argv[0]),
		       EXIT_USAGE;
	if (in->dry_run)
		return dry_run_down(in, NULL, err);
	r = blade_down(in->name, NULL, err);
	if (r == -EBUSY)
		return EXIT_FAILED;
	if (r < 0)
		return EXIT_REMAINS;
	log_info("blade '%s' down", in->name);
	return EXIT_DONE;
}

const struct command command_down = {
	.name = "down",
	.arguments = "",
	.summary = "take a blade out of service, without a trace",
	.description =
		"Ends the instances while the redirects still stand, so that both sides see\n"
		"their connections end, then undoes every journalled step, newest first, with\n"
		"the prior values. Works after a success, after an `up` that failed or was\n"
		"killed, after parts were deleted by hand, and where nothing is left to undo.\n"
		"What another blade on the same NIC still needs goes over to that blade instead;\n"
		"--dry-run says what.",
	.options = OPTION_NAME | OPTION_DRY_RUN | OPTION_JSON,
	.words = "",
	.run = down_run,
};
