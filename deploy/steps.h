/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of everything that putting a blade in service changes. */
#ifndef DEPLOY_STEPS_H
#define DEPLOY_STEPS_H

#include "helpers/step.h"

/* Groups, as the plumbing commands walk them. */
#define GROUP_NETNS   "netns"
#define GROUP_TC      "tc"
#define GROUP_RSS     "rss"
#define GROUP_HAPROXY "haproxy"

extern const struct step_table deploy_steps;

#endif
