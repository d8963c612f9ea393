/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading a NIC: what it is called, is like, and is driven by. */
#include <errno.h>
#include <linux/ethtool.h>
#include <net/if_arp.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/route/link.h>
#include <stdio.h>
#include <string.h>

#include "helpers/netlink.h"
#include "helpers/nic/feature.h"
#include "helpers/nic/nic.h"

static int nic_missing(const char *name, struct error *err)
{
	_cleanup_text_ struct text others = { 0 };
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *i = all; i && i->if_index; i++) {
		if (strcmp(i->if_name, "lo"))
			text_add(&others, "%s%s", others.length ? ", " : "", i->if_name);
	}
	if (all)
		if_freenameindex(all);
	return error_say(err, ENODEV, "there is no interface '%s'; there %s %s", name,
			 others.length ? "are:" : "is",
			 others.length ? others.text : "none");
}

static void nic_fill(struct rtnl_link *link, struct nic *out)
{
	struct nl_addr *mac = rtnl_link_get_addr(link);
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	*out = (struct nic){ .ifindex = rtnl_link_get_ifindex(link),
			     .mtu = rtnl_link_get_mtu(link),
			     .flags = rtnl_link_get_flags(link) };
	snprintf(out->name, sizeof(out->name), "%s", rtnl_link_get_name(link));
	if (mac && nl_addr_get_len(mac) == sizeof(out->mac))
		memcpy(out->mac, nl_addr_get_binary_addr(mac), sizeof(out->mac));
	if (!feature_ioctl(out->name, &info))
		snprintf(out->driver, sizeof(out->driver), "%.31s", info.driver);
}

int nic_read(const char *name, struct nic *out, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct rtnl_link *link = NULL;
	int r = netlink_open(-1, &nl, err);

	if (r < 0)
		return r;
	r = rtnl_link_get_kernel(netlink_sock(nl), 0, name, &link);
	if (r == -NLE_NODEV || r == -NLE_OBJ_NOTFOUND)
		return nic_missing(name, err);
	if (r < 0)
		return netlink_result(nl, r, err, "look up interface '%s'", name);
	if (rtnl_link_get_arptype(link) == ARPHRD_ETHER)
		nic_fill(link, out);
	else
		r = error_say(
			err, EPROTONOSUPPORT,
			"interface '%s' is no Ethernet device: it has no MAC address "
			"for the namespace to take",
			name);
	rtnl_link_put(link);
	return r;
}
