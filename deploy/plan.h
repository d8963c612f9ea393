/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan: a configuration resolved against this machine, before anything changes. */
#ifndef DEPLOY_PLAN_H
#define DEPLOY_PLAN_H

#include "deploy/config.h"
#include "deploy/placement.h"
#include "haproxy/haproxy.h"
#include "helpers/nic/nic.h"
#include "helpers/nic/queues.h"
#include "netns/netns.h"
#include "tc/tc.h"

struct change;

/* What every step of deploy/steps.c gets to see. */
struct step_context {
	char name[NETNS_NAME_MAX + 1]; /* the blade's, and its namespace's */
	struct config config;          /* resolved: no auto left in it */
	struct nic nic[SIDES];
	struct netns_plan netns;
	struct tc_plan tc;
	struct haproxy_plan haproxy;
	struct placement placement;
	struct nic_queues queues[SIDES]; /* of each NIC, from the placement */
	struct haproxy_version version;
	const char *datapath_reason; /* why this datapath, one clause */
	struct change *change; /* deploy/change.h: to or from this plan; NULL: none */
};

/*
 * Reads the machine (NICs, datapath, HAProxy's version, CPUs, descriptor limit) and
 * fills the plan. Changes nothing. Fails on what makes the plan impossible.
 */
int plan_make(const char *name, const struct config *config, struct step_context *out,
	      struct error *err);

/*
 * The same from the resolved configuration of a blade in service, for status and
 * convergence: does not ask whether it could be brought up anew.
 */
int plan_recall(const char *name, const struct config *config, struct step_context *out,
		struct error *err);

/* As plan_make, without what only root may ask; for rendering. */
int plan_render(const char *name, const struct config *config, struct step_context *out,
		struct error *err);

#endif
