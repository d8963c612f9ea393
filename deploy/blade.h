/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A blade put in service and taken out again. */
#ifndef DEPLOY_BLADE_H
#define DEPLOY_BLADE_H

#include <stdbool.h>

#include "deploy/plan.h"

/* In the state directory. */
#define BLADE_CONFIG                                                                     \
	"config"              /* the configuration in service, resolved: no auto in it   \
			       */
#define BLADE_WANTED "wanted" /* the same as the operator wrote it */

struct blade_change {
	size_t applied;  /* steps that were missing or damaged, and were applied */
	bool incomplete; /* failed, and the rollback left something behind */
	bool converged;  /* it was up already */
	bool resolved;   /* a change that had been cut short was taken back or finished */
	struct text differs; /* what of the configuration changed; text_free */
	double seconds;
};

/*
 * Puts the blade in service (group NULL), or walks one group of its steps. Of a blade
 * already up, what is missing is applied again, then what differs from its configuration
 * is changed (deploy/change.h); nothing else is touched. A group alone changes no
 * configuration: -EEXIST. On failure all that this call did is undone.
 */
int blade_up(const char *name, const struct config *config, const char *group,
	     struct blade_change *change, struct error *err);

/*
 * Takes a blade in service to another scenario (not auto), by the engine where it is not
 * negative. The operator's file stays as it is. -ENOENT: the blade is down.
 */
int blade_switch(const char *name, int scenario, int engine, struct blade_change *change,
		 struct error *err);

/*
 * The plans of what is in service and of what would be: for --dry-run. Reads only.
 * -ENOENT: the blade is down.
 */
int blade_foresee(const char *name, const struct config *wanted,
		  struct step_context *from, struct step_context *to, struct error *err);

/* Takes it out: every journalled step (of a group) undone, then its state removed. */
int blade_down(const char *name, const char *group, struct error *err);

/* state_open, locked, with some patience for whoever holds the lock for a moment. */
int blade_lock(const char *name, bool create, struct error *err);

/* The configuration in service. -ENOENT: it is down. */
int blade_config(const char *name, struct config *out, struct error *err);
/* The same as the operator wrote it, scenario and engine as `hapep scenario` chose. */
int blade_wanted(const char *name, struct config *out, struct error *err);

#endif
