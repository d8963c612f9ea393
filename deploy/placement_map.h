/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of a placement: which instance takes a CPU's packets, who sends by a queue. */
#ifndef DEPLOY_PLACEMENT_MAP_H
#define DEPLOY_PLACEMENT_MAP_H

#include "deploy/placement.h"

/*
 * Fills takers and rows of a placement whose queues and instances are counted and have
 * their CPUs.
 */
void placement_map(const struct topology *t, struct placement *p);

#endif
