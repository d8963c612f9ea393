/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What up and down would do, as the command lines that do the same. */
#ifndef DEPLOY_DRY_RUN_H
#define DEPLOY_DRY_RUN_H

#include "deploy/command.h"

/*
 * All make the plan and its preflight, print, change nothing. group NULL: all. up, of a
 * blade that is up, tells what its change to that configuration would be.
 */
int dry_run_up(struct invocation *in, const struct config *config, const char *group,
	       struct error *err);
/*
 * For a blade that is up: each key that differs from what is in service, what becoming
 * so does, whether that interrupts, and then the steps' lines that go and come. Where
 * nothing differs it says so and returns; *differs tells.
 */
int dry_run_change(const struct invocation *in, const struct config *wanted,
		   bool *differs, struct error *err);
/*
 * Each prior value of an interface that goes over to another blade's journal, then each
 * step that is undone, with what its record will be by then.
 */
int dry_run_down(struct invocation *in, const char *group, struct error *err);

#endif
