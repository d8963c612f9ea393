/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filters on a device as the kernel lists them, anybody's. */
#ifndef TC_SEEN_H
#define TC_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helpers/error.h"
#include "helpers/netlink.h"

#define SEEN_ACTIONS 4 /* kept of a filter; n_actions counts them all */

struct seen_action {
	char kind[16];
	int control;        /* TC_ACT_* */
	int vlan_action;    /* vlan: TCA_VLAN_ACT_* */
	unsigned int vlan;  /* vlan: the id pushed */
	unsigned int proto; /* vlan: the tag's EtherType pushed */
	int mirred_action;  /* mirred: TCA_EGRESS_REDIR... */
	int ifindex;        /* mirred: where to */
};

struct seen {
	int ifindex;
	bool egress;
	char kind[16];
	unsigned int pref;
	unsigned int protocol; /* host order */
	uint32_t handle;       /* 0: the pref itself, which some kinds list apart */
	uint32_t chain;
	uint32_t parent; /* by which the qdisc was named when a filter last came in */
	/* flower */
	int vlan; /* -1: none matched */
	unsigned int other_keys;
	/* bpf */
	bool direct_action;
	uint32_t program; /* the kernel's id */
	unsigned int n_actions;
	struct seen_action action[SEEN_ACTIONS];
};

struct seen_list {
	struct seen *seen;
	size_t n;
};

/*
 * Lists the filters of a device's ingress or egress; none where it has no clsact or
 * ingress qdisc. *out is the caller's: seen_free (also after an error).
 */
int seen_read(struct netlink *nl, int ifindex, bool egress, struct seen_list *out,
	      struct error *err);
void seen_free(struct seen_list *list);
#define _cleanup_seen_ __attribute__((cleanup(seen_free)))

/* The parent by which netlink names a device's ingress or egress. */
uint32_t seen_parent(bool egress);

#endif
