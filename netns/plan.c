/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what can be told from a plan alone. */
#include <sys/socket.h>

#include "netns/internal.h"

const char *const netns_side_name[SIDES] = { "client", "server" };
const int netns_family_af[FAMILIES] = { AF_INET, AF_INET6 };

bool netns_has_family(const struct netns_plan *p, int family_index)
{
	return p->side[SIDE_CLIENT].address[family_index].family ||
	       p->side[SIDE_SERVER].address[family_index].family;
}

const char *netns_family_option(int family_index)
{
	return family_index == FAMILY_IPV6 ? " -6" : "";
}

struct prefix netns_network(const struct prefix *address)
{
	struct prefix net = *address;

	for (unsigned int bit = net.length; bit < prefix_bytes(net.family) * 8; bit++)
		net.bytes[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
	return net;
}
