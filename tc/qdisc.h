/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one qdisc of a device that ingress filters live in: clsact, or the older ingress.
 */
#ifndef TC_QDISC_H
#define TC_QDISC_H

#include "helpers/error.h"
#include "helpers/netlink.h"

#define QDISC_KIND_SIZE 16

/* kind becomes "clsact", "ingress" or "" (none). */
int qdisc_find(struct netlink *nl, int ifindex, char kind[QDISC_KIND_SIZE],
	       struct error *err);
/* Adds clsact where there is neither; one of either kind stays as it is. */
int qdisc_ensure(struct netlink *nl, const char *dev, int ifindex, struct error *err);
/* Deletes a clsact that has no filter left, ingress nor egress; else leaves it. */
int qdisc_delete_empty(struct netlink *nl, const char *dev, int ifindex,
		       struct error *err);

#endif
