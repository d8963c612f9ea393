/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns which routes a plan wants, and how they are written. */
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "netns/internal.h"

static struct netns_route *route_next(struct netns_route *out, size_t *n, int family,
				      uint32_t table)
{
	struct netns_route *r = &out[(*n)++];

	*r = (struct netns_route){ .family = family,
				   .type = RTN_UNICAST,
				   .scope = RT_SCOPE_UNIVERSE,
				   .table = table,
				   /* What the kernel makes of none given. */
				   .priority = family == AF_INET6 ? 1024 : 0,
				   .to = { .family = family },
				   .congestion = "" };
	return r;
}

/*
 * The side's congestion control and initial window go with every route of that side:
 * accepted sockets take them too (the route of the SYN-ACK), which no socket option of
 * HAProxy before 3.3 could do. initrwnd stays unset: it can only lower the window that
 * tcp_rmem gives.
 */
static void route_side(struct netns_route *r, const struct netns_side *side)
{
	r->device = side->inner;
	r->congestion = side->congestion;
	r->initcwnd = side->initcwnd;
}

static void routes_connected(const struct netns_plan *p, int family_index, uint32_t table,
			     struct netns_route *out, size_t *n)
{
	for (int side = 0; side < SIDES; side++) {
		const struct prefix *a = &p->side[side].address[family_index];
		struct netns_route *r;

		if (!a->family || a->length == prefix_bytes(a->family) * 8)
			continue;
		r = route_next(out, n, a->family, table);
		r->to = netns_network(a);
		if (a->family == AF_INET)
			r->scope = RT_SCOPE_LINK;
		route_side(r, &p->side[side]);
	}
}

static void route_default(const struct netns_side *side, int family_index, uint32_t table,
			  struct netns_route *out, size_t *n)
{
	const struct prefix *gateway = &side->gateway[family_index];
	struct netns_route *r;

	if (!gateway->family)
		return;
	r = route_next(out, n, gateway->family, table);
	r->gateway = *gateway;
	route_side(r, side);
}

size_t netns_routes(const struct netns_plan *p, int family_index,
		    struct netns_route out[NETNS_ROUTES_MAX])
{
	const struct netns_side *client = &p->side[SIDE_CLIENT];
	const struct netns_side *server = &p->side[SIDE_SERVER];
	int family = netns_family_af[family_index];
	struct netns_route *r;
	size_t n = 0;

	if (!netns_has_family(p, family_index))
		return 0;
	r = route_next(out, &n, family, NETNS_TABLE_LOCAL);
	r->type = RTN_LOCAL;
	r->device = "lo";
	if (family == AF_INET)
		r->scope = RT_SCOPE_HOST;
	routes_connected(p, family_index, RT_TABLE_MAIN, out, &n);
	route_default(client, family_index, RT_TABLE_MAIN, out, &n);
	routes_connected(p, family_index, NETNS_TABLE_SERVER, out, &n);
	route_default(server, family_index, NETNS_TABLE_SERVER, out, &n);
	/* Else what is meant for the server side would fall to main: back where it came
	 * from. */
	if (!server->gateway[family_index].family) {
		r = route_next(out, &n, family, NETNS_TABLE_SERVER);
		r->type = RTN_UNREACHABLE;
	}
	return n;
}

static const char *route_table(uint32_t table, char text[16])
{
	snprintf(text, 16, table == RT_TABLE_MAIN ? "main" : "%u", table);
	return text;
}

const char *netns_route_format(const struct netns_route *r, char text[256])
{
	char address[PREFIX_TEXT_SIZE], table[16];
	size_t n = 0, size = 256;

	if (r->type == RTN_LOCAL)
		n += (size_t)snprintf(text, size, "local ");
	else if (r->type != RTN_UNICAST)
		n += (size_t)snprintf(text, size, "unreachable ");
	n += (size_t)snprintf(text + n, size - n, "%s",
			      r->to.length ? prefix_format(&r->to, true, address)
					   : "default");
	if (r->gateway.family)
		n += (size_t)snprintf(text + n, size - n, " via %s",
				      prefix_format(&r->gateway, false, address));
	if (r->device)
		n += (size_t)snprintf(text + n, size - n, " dev %s", r->device);
	n += (size_t)snprintf(text + n, size - n, " table %s proto %d",
			      route_table(r->table, table), NETNS_OWNER);
	if (r->scope == RT_SCOPE_LINK)
		n += (size_t)snprintf(text + n, size - n, " scope link");
	if (r->congestion[0])
		n += (size_t)snprintf(text + n, size - n, " congctl %s", r->congestion);
	if (r->initcwnd)
		snprintf(text + n, size - n, " initcwnd %u", r->initcwnd);
	return text;
}

void netns_route_describe(const struct netns_plan *p, struct text *out)
{
	struct netns_route routes[NETNS_ROUTES_MAX];
	char text[256];

	for (int family = 0; family < FAMILIES; family++) {
		size_t n = netns_routes(p, family, routes);

		for (size_t i = 0; i < n; i++)
			text_line(out, "ip -n %s%s route replace %s", p->name,
				  netns_family_option(family),
				  netns_route_format(&routes[i], text));
	}
}
