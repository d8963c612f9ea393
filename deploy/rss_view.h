/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the interfaces of a blade steer packets now: RSS, interrupts, their CPUs. */
#ifndef DEPLOY_RSS_VIEW_H
#define DEPLOY_RSS_VIEW_H

#include "deploy/command.h"
#include "helpers/nic/flow.h"

#define RSS_VIEW_LIVE_MAX 65536 /* flows read from the namespace */

struct rss_view {
	struct config config;
	struct placement placement;
	bool here;                          /* not a stand-in's */
	struct rss rss[SIDES];              /* of each of the placement's NICs */
	int irq[SIDES * CONFIG_QUEUES_MAX]; /* as placement_tree takes it */
	int cpu[SIDES][CONFIG_QUEUES_MAX];  /* that the queue's interrupt goes to */
	int core[CPULIST_MAX];              /* of each CPU, -1: not known */
};

/* Where one packet of a flow arrives; -1: not known. */
struct rss_arrival {
	const char *nic;
	bool hashed;
	uint32_t hash;
	int queue, irq, cpu, core;
	int instance; /* that accepts there with accept = cpu */
};

/*
 * Reads it, for the blade that is up, else for its configuration file; of the stand-in
 * where the invocation names one. An exit status, or -errno; *out is the caller's.
 */
int rss_view_read(struct invocation *in, struct rss_view **out, struct error *err);

/* Where a packet arrives that comes in on that side. */
struct rss_arrival rss_view_arrival(const struct rss_view *v, int side,
				    const struct flow *f);

/*
 * Whether two arrivals are on one CPU, or, where their CPUs are not known, in one
 * queue: 1, 0, and -1 where nobody can tell.
 */
int rss_view_agree(const struct rss_arrival *a, const struct rss_arrival *b);

/*
 * The proxied flows that are established in the blade's namespace, at most
 * RSS_VIEW_LIVE_MAX, client to server. *n is 0 where there is no such namespace.
 */
int rss_view_live(const struct rss_view *v, const char *name, struct flow **out,
		  size_t *n, struct error *err);

#endif
