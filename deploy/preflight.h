/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked of the machine before the first change. */
#ifndef DEPLOY_PREFLIGHT_H
#define DEPLOY_PREFLIGHT_H

#include "deploy/plan.h"

/* -EPERM names the capability that is missing. */
int preflight_privileges(struct error *err);

/*
 * Names taken by somebody else, congestion controls, the user, addresses that would be
 * cut off, and `haproxy -c` on each rendered configuration. ours: a journal exists, so
 * names may be our own.
 */
int preflight_check(const struct step_context *c, bool ours, struct error *err);

#endif
