/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What up and down would do, as the command lines that do the same. */
#ifndef DEPLOY_DRY_RUN_H
#define DEPLOY_DRY_RUN_H

#include "deploy/command.h"

/* Both make the plan and its preflight, print, change nothing. group NULL: all. */
int dry_run_up(struct invocation *in, const struct config *config, const char *group,
	       struct error *err);
int dry_run_down(struct invocation *in, const char *group, struct error *err);

#endif
