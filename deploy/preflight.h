/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked of the machine before the first change. */
#ifndef DEPLOY_PREFLIGHT_H
#define DEPLOY_PREFLIGHT_H

#include "deploy/plan.h"

/* -EPERM names the capability that is missing. */
int preflight_privileges(struct error *err);

/* What a plan is about to be: names and NICs of a blade that is up are its own. */
enum preflight {
	PREFLIGHT_FIRST,  /* put in service */
	PREFLIGHT_AGAIN,  /* converged to, being in service */
	PREFLIGHT_CHANGE, /* taking the place of another plan of the same blade */
};

/*
 * Names taken by somebody else, congestion controls, the user, addresses that would be
 * cut off, the scenario, and `haproxy -c` on each rendered configuration.
 */
int preflight_check(const struct step_context *c, enum preflight what, struct error *err);

#endif
