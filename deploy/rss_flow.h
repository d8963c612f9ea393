/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of one flow, and of many, on a blade's interfaces. */
#ifndef DEPLOY_RSS_FLOW_H
#define DEPLOY_RSS_FLOW_H

#include <jansson.h>

#include "deploy/rss_view.h"

/*
 * Both directions of a flow from client to server, and whether they agree. Returns
 * rss_view_agree's; *out is the caller's.
 */
int rss_flow_tree(const struct rss_view *v, const struct flow *f, json_t **out);

/*
 * Sampled flows of the service ports (the same ones each time) and the live ones (n of
 * them, may be 0): the share whose directions agree, and how they spread over the
 * client side's queues. Returns 1 where every flow agrees, 0 where some do not, -1
 * where nobody can tell.
 */
int rss_flows_tree(const struct rss_view *v, const struct flow *live, size_t n,
		   json_t **out);

#endif
