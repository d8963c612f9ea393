/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns driving a change of generations step by step, as the tests want it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/supervisor.h"
#include "helpers/cleanup.h"

/*
 * change NAME: reads "prepare FILE", "map", "commit", "abort" from stdin, a line each,
 * and answers each with "ok" or the error's sentence. At the end of its input it is gone.
 */
static int change_prepare(const char *name, const char *file,
			  struct supervisor_change **change, struct error *err)
{
	_cleanup_text_ struct text faults = { 0 };
	struct step_context plan;
	struct config config;
	int r = config_read(file, &config, &faults);

	if (r < 0)
		return error_say(err, EINVAL, "%s", faults.text);
	r = plan_render(name, &config, &plan, err);
	return r < 0 ? r : supervisor_prepare(&plan, change, err);
}

static int change_step(const char *name, const char *line,
		       struct supervisor_change **change, struct error *err)
{
	if (!strncmp(line, "prepare ", 8))
		return change_prepare(name, line + 8, change, err);
	if (!*change)
		return error_say(err, EINVAL, "nothing is prepared");
	if (!strcmp(line, "map"))
		return supervisor_map(*change, err);
	if (!strcmp(line, "commit"))
		return supervisor_commit(take_ptr(*change), err);
	if (!strcmp(line, "abort"))
		return supervisor_abort(take_ptr(*change), err);
	return error_say(err, EINVAL, "no such step: '%s'", line);
}

int main(int argc, char **argv)
{
	struct supervisor_change *change = NULL;
	int worst = 0;
	char line[512];

	if (argc != 2)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		struct error err = { 0 };

		line[strcspn(line, "\n")] = '\0';
		if (change_step(argv[1], line, &change, &err) < 0) {
			printf("%s\n", err.msg);
			worst = 1;
		} else {
			printf("ok\n");
		}
		fflush(stdout);
	}
	supervisor_change_free(change);
	return worst;
}
