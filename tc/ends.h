/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both ends of the veth pairs and the NIC share: working on a list of filters. */
#ifndef TC_ENDS_H
#define TC_ENDS_H

#include "tc/filter.h"
#include "tc/tc.h"

#define ENDS_FILTERS_MAX 10 /* of one part of the plan */

struct ends {
	struct filter filter[ENDS_FILTERS_MAX];
	size_t n;
};

/* Appends a filter on dev (index ifindex) and returns it, to be filled further. */
struct filter *ends_add(struct ends *e, const char *dev, int ifindex, unsigned int pref,
			unsigned int low);

/* Makes each device's qdisc and its filters. */
int ends_apply(struct netlink *nl, const struct ends *e, struct error *err);

/*
 * Turns a failure to look up a device or namespace into an answer: what the filters
 * would be on does not exist, so they are absent. Other failures stay failures.
 */
int ends_missing(int r, enum step_state *state, struct text *detail, struct error *err);

/* The lines of ends_apply, with "-n NETNS" where netns is not NULL. */
void ends_describe(const struct ends *e, const char *netns, struct text *out);

#endif
