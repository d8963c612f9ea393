/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ends of a veth pair, as they are and should be. Private to netns. */
#ifndef NETNS_VETH_H
#define NETNS_VETH_H

#include <netlink/route/link.h>
#include <stdbool.h>

#include "helpers/netlink.h"
#include "netns/netns.h"

/* What one end of a pair should be. */
struct veth_end {
	const char *name;
	const unsigned char *mac; /* NULL: as the kernel chose it */
	unsigned int mtu, group;
	/*
	 * The host end has no IPv6 address: nobody talks to it. The inner one needs its
	 * link-local address, since the kernel solicits neighbours from it for packets
	 * whose source is not the blade's own, that is, the clients'.
	 */
	unsigned char addrgenmode;
};

/* Both ends of a pair, as they are and should be. */
struct veth {
	const struct netns_plan *plan;
	const struct netns_side *side;
	struct veth_end end[2]; /* VETH_HOST, VETH_INNER */
	struct netlink *nl[2];
	struct rtnl_link *link[2]; /* NULL: not there */
	int nsfd;
};

enum { VETH_HOST, VETH_INNER };

/* What a side's pair should be; nothing is open or looked at yet. */
struct veth veth_of(const struct netns_plan *p, int side);
void veth_cleanup(struct veth *v);
#define _cleanup_veth_ __attribute__((cleanup(veth_cleanup)))

/* Opens both namespaces and looks at both ends. -ENOENT, -ESTALE: no namespace. */
int veth_open(struct veth *v, struct error *err);
/* Looks anew at both ends, or at the device of that name: *link NULL where it is not. */
int veth_look_both(struct veth *v, struct error *err);
int veth_look(struct netlink *nl, const char *name, struct rtnl_link **link,
	      struct error *err);

/* The host end is hapep's where it carries the group that it was created with. */
bool veth_owned(struct rtnl_link *host);
/* Both are there, and each other's peers. */
bool veth_paired(const struct veth *v);
/* Where mac is NULL, any is the same. */
bool veth_mac_same(struct rtnl_link *link, const unsigned char *mac);
/* True where it is right, or where the device has no IPv6 at all. */
bool veth_addrgenmode_same(struct rtnl_link *link, unsigned char mode);

#endif
