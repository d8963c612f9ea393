/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells the neighbours on both sides where the blade's addresses are. */
#include <netlink/addr.h>
#include <netlink/route/link.h>
#include <stdlib.h>

#include "netns/internal.h"

/*
 * Setting the MAC address, to the same value too, makes the kernel announce the
 * interface's addresses where arp_notify and ndisc_notify are on (NETDEV_CHANGEADDR).
 */
static int announce_side(struct netlink *nl, const struct netns_side *side,
			 struct error *err)
{
	struct rtnl_link *which = rtnl_link_alloc(), *change = rtnl_link_alloc();
	struct nl_addr *mac = nl_addr_build(AF_LLC, side->mac, sizeof(side->mac));
	int r = netns_ifindex(nl, side->inner, err);

	if (!which || !change || !mac)
		abort();
	rtnl_link_set_ifindex(which, r);
	rtnl_link_set_addr(change, mac);
	if (r > 0)
		r = rtnl_link_change(netlink_sock(nl), which, change, 0);
	nl_addr_put(mac);
	rtnl_link_put(change);
	rtnl_link_put(which);
	return netlink_result(nl, r, err, "announce the addresses of '%s'", side->inner);
}

int netns_announce(const struct netns_plan *p, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	int r = netns_connect(p->name, &nl, err);

	for (int s = 0; s < SIDES && !r; s++)
		r = announce_side(nl, &p->side[s], err);
	return r;
}
