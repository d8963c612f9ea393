/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CPUs that a placement may take, in the order in which it takes them. */
#ifndef DEPLOY_PLACEMENT_POOL_H
#define DEPLOY_PLACEMENT_POOL_H

#include "deploy/placement.h"

/*
 * The CPUs that a key names, each checked but where recall is set (see placement_make).
 * cpu has room for CPULIST_MAX. -EINVAL: no list, or no CPU that may be used.
 */
int placement_pool_named(const struct topology *t, const char *key, const char *list,
			 bool recall, unsigned int *cpu, unsigned int *n,
			 struct error *err);

/* Fills queue_cpu: where the queues may be. Its NICs are known. -EINVAL: nowhere. */
int placement_pool_queues(const struct topology *t, const struct config *config,
			  bool recall, struct placement *p, struct error *err);

/*
 * The instances' CPUs with numa = spread: each node's in turn, `first` before others.
 * smt: enum of config.h. out has room for CPULIST_MAX; returns how many.
 */
unsigned int placement_pool_spread(const struct topology *t, int smt, unsigned int first,
				   unsigned int *out);

#endif
