/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns telling whether two plans can be served by the same instances. */
#include "deploy/renew.h"

#include <string.h>

static bool renew_ports_differ(const struct ports *a, const struct ports *b)
{
	char one[PORTS_TEXT_SIZE], other[PORTS_TEXT_SIZE];

	return strcmp(ports_format(a, one, sizeof(one)),
		      ports_format(b, other, sizeof(other))) != 0;
}

/* The guard, and SK-LOOKUP's program, hold the own addresses and the ports. */
static bool renew_programs_differ(const struct step_context *a,
				  const struct step_context *b)
{
	for (int i = 0; i < SIDES * FAMILIES; i++) {
		const struct prefix *one =
			&a->netns.side[i / FAMILIES].address[i % FAMILIES];
		const struct prefix *other =
			&b->netns.side[i / FAMILIES].address[i % FAMILIES];

		if (!prefix_equal(one, other))
			return true;
	}
	return renew_ports_differ(&a->netns.ports, &b->netns.ports) ||
	       a->netns.proxy_port != b->netns.proxy_port ||
	       (a->config.scenario == SCENARIO_SK_LOOKUP) !=
		       (b->config.scenario == SCENARIO_SK_LOOKUP);
}

static bool renew_rendered_differs(const struct step_context *a,
				   const struct step_context *b)
{
	_cleanup_text_ struct text one = { 0 }, other = { 0 };

	for (unsigned int k = 0; k < haproxy_instances(&a->haproxy); k++) {
		haproxy_render(&a->haproxy, &b->version, k, &one);
		haproxy_render(&b->haproxy, &b->version, k, &other);
	}
	return strcmp(one.text, other.text) != 0;
}

bool renew_differs(const struct step_context *from, const struct step_context *to)
{
	const struct haproxy_plan *a = &from->haproxy, *b = &to->haproxy;

	return strcmp(a->binary, b->binary) || strcmp(a->user, b->user) ||
	       a->model != b->model || a->accept != b->accept || a->batch != b->batch ||
	       a->processes != b->processes || a->backlog != b->backlog ||
	       a->fd_limit != b->fd_limit || from->config.fail != to->config.fail ||
	       a->ipv4 != b->ipv4 || a->ipv6 != b->ipv6 ||
	       memcmp(a->cpu, b->cpu, a->processes * sizeof(a->cpu[0])) ||
	       renew_ports_differ(&a->ports, &b->ports) ||
	       renew_programs_differ(from, to) || renew_rendered_differs(from, to);
}

const char *renew_obstacle(const struct step_context *from, const struct step_context *to)
{
	if (from->haproxy.ipv4 == to->haproxy.ipv4 &&
	    from->haproxy.ipv6 == to->haproxy.ipv6)
		return NULL;
	return "an address family comes or goes";
}
