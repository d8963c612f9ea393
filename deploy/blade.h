/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A blade put in service and taken out again. */
#ifndef DEPLOY_BLADE_H
#define DEPLOY_BLADE_H

#include <stdbool.h>

#include "deploy/plan.h"

#define BLADE_CONFIG "config" /* in the state directory: the resolved configuration */

struct blade_change {
	size_t applied;  /* steps that changed something */
	bool incomplete; /* failed, and the rollback left something behind */
	bool converged;  /* it was up already */
	double seconds;
};

/*
 * Puts the blade in service (group NULL), or walks one group of its steps. A blade
 * already up converges: missing steps are applied again, nothing else is touched;
 * -EEXIST where its configuration is another one. On failure all that this call did is
 * undone.
 */
int blade_up(const char *name, const struct config *config, const char *group,
	     struct blade_change *change, struct error *err);

/* Takes it out: every journalled step (of a group) undone, then its state removed. */
int blade_down(const char *name, const char *group, struct error *err);

/* The configuration that a blade was brought up with. -ENOENT: it is down. */
int blade_config(const char *name, struct config *out, struct error *err);

#endif
