/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the table of what each configuration key does when it changes in service. */
#include "deploy/effect.h"

#include <string.h>

#define NEXT_INSTANCES                                                                   \
	"the next instances take the new connections, the present ones end theirs"
#define IN_ROUTES "in place: new connections have it, those that are open keep theirs"
#define IN_PLACE  "in place; the routers must be told, too"
#define QUEUES                                                                             \
	"the interface's queues are set anew, and the next instances pinned: packets may " \
	"be lost meanwhile, TCP sends them again"
#define REDIRECTS                                                                         \
	"redirects are taken out and put in: packets are lost meanwhile, TCP sends them " \
	"again"
#define FAMILY                                                                           \
	"a family comes or goes: the instances end, with their connections, and start "  \
	"again"

static const struct effect {
	const char *section, *key; /* "": both sides */
	const char *text;
	bool interrupts;
	bool family; /* from or to none interrupts */
} effects[] = {
	{ "blade", "scenario",
	  "the next listeners and what maps the ports to them stand before the present go",
	  false, false },
	{ "blade", "engine", "the next rules stand before the present ones go", false,
	  false },
	{ "blade", "no_nf", "nothing to change: it is a demand on the kernel", false,
	  false },
	{ "blade", "datapath", REDIRECTS, true, false },
	{ "", "nic", REDIRECTS, true, false },
	{ "", "vlan", REDIRECTS, true, false },
	{ "", "address", IN_PLACE, false, true },
	{ "", "gateway", "in place: packets take the one or the other", false, false },
	{ "", "address6", IN_PLACE, false, true },
	{ "", "gateway6", "in place: packets take the one or the other", false, false },
	{ "", "mtu", "in place: path MTU discovery tells the connections", false, false },
	{ "", "congestion", IN_ROUTES, false, false },
	{ "", "initcwnd", IN_ROUTES, false, false },
	{ "service", "ports",
	  "new ports are proxied from their next connection on; connections on ports that "
	  "go are proxied to their end",
	  false, false },
	{ "service", "proxy_port", NEXT_INSTANCES, false, false },
	{ "service", "fail", NEXT_INSTANCES, false, false },
	{ "haproxy", "binary", NEXT_INSTANCES, false, false },
	{ "haproxy", "user", NEXT_INSTANCES, false, false },
	{ "haproxy", "model", NEXT_INSTANCES, false, false },
	{ "haproxy", "processes", NEXT_INSTANCES, false, false },
	{ "haproxy", "cpus", NEXT_INSTANCES, false, false },
	{ "haproxy", "mode", NEXT_INSTANCES, false, false },
	{ "haproxy", "splice", NEXT_INSTANCES, false, false },
	{ "haproxy", "source", NEXT_INSTANCES, false, false },
	{ "haproxy", "accept", NEXT_INSTANCES, false, false },
	{ "haproxy", "maxconn", NEXT_INSTANCES, false, false },
	{ "haproxy", "backlog", NEXT_INSTANCES, false, false },
	{ "placement", "rss", QUEUES, true, false },
	{ "placement", "queues", QUEUES, true, false },
	{ "placement", "queue_cpus", QUEUES, true, false },
	{ "placement", "numa", QUEUES, true, false },
	{ "placement", "smt", QUEUES, true, false },
	{ "timeouts", "connect", NEXT_INSTANCES, false, false },
	{ "timeouts", "idle", NEXT_INSTANCES, false, false },
	{ "timeouts", "fin", NEXT_INSTANCES, false, false },
};

static bool effect_is(const struct effect *e, const struct config_change *c)
{
	bool side = !strcmp(c->section, "client") || !strcmp(c->section, "server");

	return !strcmp(e->key, c->key) &&
	       (e->section[0] ? !strcmp(e->section, c->section) : side);
}

const char *effect_of(const struct config_change *c, bool *interrupts)
{
	for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
		const struct effect *e = &effects[i];

		if (!effect_is(e, c))
			continue;
		*interrupts = e->interrupts;
		if (!e->family || (strcmp(c->from, "none") && strcmp(c->to, "none")))
			return e->text;
		*interrupts = true;
		return FAMILY;
	}
	return NULL;
}
