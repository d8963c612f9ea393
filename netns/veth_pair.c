/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns looking at a veth pair: its ends, and whether they are what they should be. */
#include <linux/if_link.h>
#include <netlink/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "netns/internal.h"
#include "netns/veth.h"

struct veth veth_of(const struct netns_plan *p, int side)
{
	const struct netns_side *s = &p->side[side];

	return (struct veth){
		.plan = p,
		.side = s,
		.end = { { s->host, NULL, s->mtu, NETNS_OWNER, IN6_ADDR_GEN_MODE_NONE },
			 { s->inner, s->mac, s->mtu, 0, IN6_ADDR_GEN_MODE_EUI64 } },
		.nsfd = -1
	};
}

void veth_cleanup(struct veth *v)
{
	for (int i = 0; i < 2; i++) {
		if (v->link[i])
			rtnl_link_put(v->link[i]);
		netlink_close(v->nl[i]);
	}
	cleanup_close(&v->nsfd);
}

int veth_look(struct netlink *nl, const char *name, struct rtnl_link **out,
	      struct error *err)
{
	int index = netns_ifindex(nl, name, err);
	int r;

	if (*out)
		rtnl_link_put(*out);
	*out = NULL;
	if (index <= 0)
		return index;
	r = rtnl_link_get_kernel(netlink_sock(nl), index, NULL, out);
	return netlink_result(nl, r, err, "look at interface '%s'", name);
}

int veth_look_both(struct veth *v, struct error *err)
{
	int r = 0;

	for (int i = 0; i < 2 && !r; i++)
		r = veth_look(v->nl[i], v->end[i].name, &v->link[i], err);
	return r;
}

int veth_open(struct veth *v, struct error *err)
{
	int r;

	v->nsfd = namespace_open(v->plan->name, err);
	if (v->nsfd < 0)
		return v->nsfd;
	r = netlink_open(-1, &v->nl[VETH_HOST], err);
	if (!r)
		r = netlink_open(v->nsfd, &v->nl[VETH_INNER], err);
	return r ? r : veth_look_both(v, err);
}

static bool veth_is(struct rtnl_link *link)
{
	const char *type = rtnl_link_get_type(link);

	return type && !strcmp(type, "veth");
}

bool veth_owned(struct rtnl_link *host)
{
	return veth_is(host) && rtnl_link_get_group(host) == NETNS_OWNER;
}

bool veth_paired(const struct veth *v)
{
	return v->link[VETH_HOST] && v->link[VETH_INNER] && veth_is(v->link[VETH_HOST]) &&
	       veth_is(v->link[VETH_INNER]) &&
	       rtnl_link_get_link(v->link[VETH_HOST]) ==
		       rtnl_link_get_ifindex(v->link[VETH_INNER]) &&
	       rtnl_link_get_link(v->link[VETH_INNER]) ==
		       rtnl_link_get_ifindex(v->link[VETH_HOST]);
}

bool veth_mac_same(struct rtnl_link *link, const unsigned char *mac)
{
	struct nl_addr *has = rtnl_link_get_addr(link);

	return !mac || (has && nl_addr_get_len(has) == 6 &&
			!memcmp(nl_addr_get_binary_addr(has), mac, 6));
}

bool veth_addrgenmode_same(struct rtnl_link *link, unsigned char mode)
{
	uint8_t has;

	return rtnl_link_inet6_get_addr_gen_mode(link, &has) < 0 || has == mode;
}
