/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a change takes other instances, and whether these can start beside the former.
 */
#ifndef DEPLOY_RENEW_H
#define DEPLOY_RENEW_H

#include <stdbool.h>

#include "deploy/plan.h"

/* True where the instances or listeners of one plan do not serve the other. */
bool renew_differs(const struct step_context *from, const struct step_context *to);

/*
 * Why no listener of the next instances can stand beside those of the present ones;
 * NULL: they can. A socket of one family, bound to every address, takes connections
 * before one of both, and gives none to it when it closes.
 */
const char *renew_obstacle(const struct step_context *from,
			   const struct step_context *to);

#endif
