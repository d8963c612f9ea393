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
#define PINNED "the next instances are pinned by it"
#define REDIRECTS                                                                         \
	"redirects are taken out and put in: packets are lost meanwhile, TCP sends them " \
	"again"
#define FAMILY                                                                           \
	"a family comes or goes: the instances end, with their connections, and start "  \
	"again"

enum effect_when {
	NEVER,
	ALWAYS,
	FAMILY_ENDS, /* from or to none */
	QUEUES_MOVE, /* where the interfaces' queues are set anew */
};

static const struct effect {
	const char *section, *key; /* "": both sides */
	const char *text;
	enum effect_when interrupts;
} effects[] = {
	{ "blade", "scenario",
	  "the next listeners and what maps the ports to them stand before the present go",
	  NEVER },
	{ "blade", "engine", "the next rules stand before the present ones go", NEVER },
	{ "blade", "no_nf", "nothing to change: it is a demand on the kernel", NEVER },
	{ "blade", "datapath", REDIRECTS, ALWAYS },
	{ "", "nic", REDIRECTS, ALWAYS },
	{ "", "vlan", REDIRECTS, ALWAYS },
	{ "", "address", IN_PLACE, FAMILY_ENDS },
	{ "", "gateway", "in place: packets take the one or the other", NEVER },
	{ "", "address6", IN_PLACE, FAMILY_ENDS },
	{ "", "gateway6", "in place: packets take the one or the other", NEVER },
	{ "", "mtu", "in place: path MTU discovery tells the connections", NEVER },
	{ "", "congestion", IN_ROUTES, NEVER },
	{ "", "initcwnd", IN_ROUTES, NEVER },
	{ "service", "ports",
	  "new ports are proxied from their next connection on; connections on ports that "
	  "go are proxied to their end",
	  NEVER },
	{ "service", "proxy_port", NEXT_INSTANCES, NEVER },
	{ "service", "fail", NEXT_INSTANCES, NEVER },
	{ "haproxy", "binary", NEXT_INSTANCES, NEVER },
	{ "haproxy", "user", NEXT_INSTANCES, NEVER },
	{ "haproxy", "model", NEXT_INSTANCES, QUEUES_MOVE },
	{ "haproxy", "processes", NEXT_INSTANCES, QUEUES_MOVE },
	{ "haproxy", "cpus", NEXT_INSTANCES, QUEUES_MOVE },
	{ "haproxy", "scheduling", NEXT_INSTANCES, NEVER },
	{ "haproxy", "mode", NEXT_INSTANCES, NEVER },
	{ "haproxy", "http_ports", NEXT_INSTANCES, NEVER },
	{ "haproxy", "splice", NEXT_INSTANCES, NEVER },
	{ "haproxy", "source", NEXT_INSTANCES, NEVER },
	{ "haproxy", "reuse", NEXT_INSTANCES, NEVER },
	{ "haproxy", "accept", NEXT_INSTANCES, NEVER },
	{ "haproxy", "maxconn", NEXT_INSTANCES, NEVER },
	{ "haproxy", "backlog", NEXT_INSTANCES, NEVER },
	{ "placement", "rss", PINNED, QUEUES_MOVE },
	{ "placement", "queues", PINNED, QUEUES_MOVE },
	{ "placement", "queue_cpus", PINNED, QUEUES_MOVE },
	{ "placement", "numa", PINNED, QUEUES_MOVE },
	{ "placement", "smt", PINNED, QUEUES_MOVE },
	{ "timeouts", "connect", NEXT_INSTANCES, NEVER },
	{ "timeouts", "idle", NEXT_INSTANCES, NEVER },
	{ "timeouts", "fin", NEXT_INSTANCES, NEVER },
};

static bool effect_is(const struct effect *e, const struct config_change *c)
{
	bool side = !strcmp(c->section, "client") || !strcmp(c->section, "server");

	return !strcmp(e->key, c->key) &&
	       (e->section[0] ? !strcmp(e->section, c->section) : side);
}

const char *effect_of(const struct config_change *c, bool queues, bool *interrupts)
{
	for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
		const struct effect *e = &effects[i];

		if (!effect_is(e, c))
			continue;
		*interrupts = e->interrupts == ALWAYS;
		if (e->interrupts == QUEUES_MOVE && queues) {
			*interrupts = true;
			return QUEUES;
		}
		if (e->interrupts == FAMILY_ENDS &&
		    (!strcmp(c->from, "none") || !strcmp(c->to, "none"))) {
			*interrupts = true;
			return FAMILY;
		}
		return e->text;
	}
	return NULL;
}
