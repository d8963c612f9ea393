/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what a configuration's keys must be to each other. */
#include <string.h>

#include "deploy/config_check.h"

#define THREADS_MAX 64   /* of one HAProxy thread group, in every version */
#define LISTEN_MAX  256  /* single ports: each costs every instance a socket */
#define MTU_MIN_IP6 1280 /* RFC 8200, section 5 */

static const char *const side_names[SIDES] = { "client", "server" };
static const char *const address_keys[FAMILIES] = { "address", "address6" };
static const char *const gateway_keys[FAMILIES] = { "gateway", "gateway6" };
static const char *const family_names[FAMILIES] = { "IPv4", "IPv6" };
static const int family_af[FAMILIES] = { AF_INET, AF_INET6 };

struct check {
	const struct config *config;
	const struct config_mark *marks;
	struct config_report *report;
};

static const struct config_mark *check_mark(const struct check *c, const char *section,
					    const char *key)
{
	return &c->marks[config_table_find(&config_blade_table, section, key)];
}

/* The key's line; where it was left out, its section's. */
static unsigned int check_line(const struct check *c, const char *section,
			       const char *key)
{
	const struct config_mark *m = check_mark(c, section, key);

	return m->line ? m->line : m->section;
}

/* False where the key was faulty by itself: nothing follows from it then. */
static bool check_sound(const struct check *c, const char *section, const char *key)
{
	return !check_mark(c, section, key)->wrong;
}

static void check_nics(const struct check *c)
{
	const struct config_side *client = &c->config->side[SIDE_CLIENT];
	const struct config_side *server = &c->config->side[SIDE_SERVER];
	const char *behind = client->vlan ? "server" : "client";

	if (!client->nic[0] || strcmp(client->nic, server->nic) ||
	    !check_sound(c, "client", "vlan") || !check_sound(c, "server", "vlan"))
		return;
	if (!client->vlan && !server->vlan)
		config_fault(c->report, check_line(c, "server", "nic"),
			     "server.nic: expected another interface than client.nic, or "
			     "a vlan on each side to tell them apart, got '%s' on both",
			     server->nic);
	else if (!client->vlan || !server->vlan)
		config_fault(c->report, check_line(c, behind, "vlan"),
			     "%s.vlan: expected 1..4094, since both sides are on '%s', "
			     "got none",
			     behind, client->nic);
	else if (client->vlan == server->vlan)
		config_fault(c->report, check_line(c, "server", "vlan"),
			     "server.vlan: expected another than client.vlan, since both "
			     "sides are on '%s', got %u on both",
			     client->nic, server->vlan);
}

/* All bits from from_bit on are bit. */
static bool all_bits(const struct prefix *p, unsigned int from_bit, unsigned int bit)
{
	for (unsigned int i = from_bit; i < prefix_bytes(p->family) * 8; i++) {
		if ((p->bytes[i / 8] >> (7 - i % 8) & 1u) != bit)
			return false;
	}
	return true;
}

static bool is_link_local(const struct prefix *p)
{
	return p->family == AF_INET6 && p->bytes[0] == 0xfe &&
	       (p->bytes[1] & 0xc0) == 0x80;
}

/* Why no host has this address, NULL where one can. */
static const char *never_a_host(const struct prefix *p)
{
	static const unsigned char unspecified[16],
		loopback[16] = { [15] = 1 }, mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (p->family == AF_INET && p->bytes[0] == 0)
		return "0.0.0.0/8 is no host's";
	if (p->family == AF_INET && p->bytes[0] == 127)
		return "127.0.0.0/8 is loopback";
	if (p->family == AF_INET && p->bytes[0] >> 4 == 14)
		return "224.0.0.0/4 is multicast";
	if (p->family == AF_INET)
		return all_bits(p, 0, 1) ? "it is the broadcast address" : NULL;
	if (!memcmp(p->bytes, unspecified, sizeof(unspecified)))
		return "it is the unspecified address";
	if (!memcmp(p->bytes, loopback, sizeof(loopback)))
		return "it is loopback";
	if (!memcmp(p->bytes, mapped, sizeof(mapped)))
		return "it is an IPv4-mapped address";
	return p->bytes[0] == 0xff ? "ff00::/8 is multicast" : NULL;
}

/* Why a host of the network net cannot have this address. */
static const char *never_in_network(const struct prefix *net, const struct prefix *p)
{
	unsigned int bits = prefix_bytes(p->family) * 8;

	if (net->length + 1 >= bits) /* RFC 3021, RFC 6164: both addresses are hosts' */
		return NULL;
	if (p->family == AF_INET && all_bits(p, net->length, 1))
		return "it is the network's broadcast address";
	if (all_bits(p, net->length, 0))
		return "it is the network itself";
	return NULL;
}

static void check_address(const struct check *c, int s, int f)
{
	const struct prefix *a = &c->config->side[s].address[f];
	const char *why, *key = address_keys[f];
	char text[PREFIX_TEXT_SIZE];

	if (!a->family)
		return;
	why = never_a_host(a);
	if (!why && is_link_local(a))
		why = "a link-local address is not routed";
	if (!why && !a->length)
		why = "a network of length 0 leaves no address for anybody else";
	if (!why)
		why = never_in_network(a, a);
	if (why)
		config_fault(c->report, check_line(c, side_names[s], key),
			     "%s.%s: expected an address that a host can have, got '%s' "
			     "(%s)",
			     side_names[s], key, prefix_format(a, true, text), why);
}

static void gateway_fault(const struct check *c, int s, int f, const char *expected,
			  const char *why)
{
	char text[PREFIX_TEXT_SIZE];

	config_fault(c->report, check_line(c, side_names[s], gateway_keys[f]),
		     "%s.%s: expected %s, got '%s'%s%s%s", side_names[s], gateway_keys[f],
		     expected, prefix_format(&c->config->side[s].gateway[f], false, text),
		     why ? " (" : "", why ? why : "", why ? ")" : "");
}

static void check_gateway(const struct check *c, int s, int f)
{
	const struct prefix *a = &c->config->side[s].address[f];
	const struct prefix *g = &c->config->side[s].gateway[f];
	const char *why = never_a_host(g);
	char expected[PREFIX_TEXT_SIZE + 40], net[PREFIX_TEXT_SIZE];

	if (why) {
		gateway_fault(c, s, f, "an address that a router can have", why);
		return;
	}
	if (is_link_local(g))
		return;
	snprintf(expected, sizeof(expected), "a router in the network of %s",
		 prefix_format(a, true, net));
	if (!prefix_contains(a, g))
		gateway_fault(c, s, f, expected, "it is not on that link");
	else if (!memcmp(a->bytes, g->bytes, sizeof(a->bytes)))
		gateway_fault(c, s, f, expected, "it is the blade's own address");
	else if (f == FAMILY_IPV4 && never_in_network(a, g)) /* IPv6: anycast */
		gateway_fault(c, s, f, expected, never_in_network(a, g));
}

/* An address and its gateway go together. */
static void check_pair(const struct check *c, int s, int f)
{
	const struct config_side *side = &c->config->side[s];
	const char *name = side_names[s];
	char text[PREFIX_TEXT_SIZE];

	if (!check_sound(c, name, address_keys[f]))
		return;
	check_address(c, s, f);
	if (!check_sound(c, name, gateway_keys[f]))
		return;
	if (side->address[f].family && side->gateway[f].family)
		check_gateway(c, s, f);
	else if (side->address[f].family)
		config_fault(c->report, check_line(c, name, address_keys[f]),
			     "%s.%s: expected the router in the network of %s, found "
			     "nothing",
			     name, gateway_keys[f],
			     prefix_format(&side->address[f], true, text));
	else if (side->gateway[f].family)
		config_fault(c->report, check_line(c, name, gateway_keys[f]),
			     "%s.%s: expected the blade's %s address, since %s is given, "
			     "found nothing",
			     name, address_keys[f], family_names[f], gateway_keys[f]);
}

static bool side_has(const struct check *c, int s, int f)
{
	return c->config->side[s].address[f].family ||
	       !check_sound(c, side_names[s], address_keys[f]) ||
	       check_mark(c, side_names[s], gateway_keys[f])->line;
}

/* Both sides speak the same families, and at least one. */
static void check_families(const struct check *c)
{
	bool has[SIDES][FAMILIES];
	int bare;

	for (int s = 0; s < SIDES; s++) {
		for (int f = 0; f < FAMILIES; f++)
			has[s][f] = side_has(c, s, f);
		if (!has[s][FAMILY_IPV4] && !has[s][FAMILY_IPV6])
			config_fault(c->report,
				     check_mark(c, side_names[s], "address")->section,
				     "%s.address: expected an address or address6, found "
				     "neither",
				     side_names[s]);
	}
	for (int f = 0; f < FAMILIES; f++) {
		if (has[SIDE_CLIENT][f] == has[SIDE_SERVER][f])
			continue;
		bare = has[SIDE_CLIENT][f] ? SIDE_SERVER : SIDE_CLIENT;
		if (!has[bare][FAMILY_IPV4] && !has[bare][FAMILY_IPV6])
			continue; /* said above */
		config_fault(c->report, check_line(c, side_names[bare], address_keys[f]),
			     "%s.%s: expected an %s address, since the other side has "
			     "one, found nothing",
			     side_names[bare], address_keys[f], family_names[f]);
	}
}

static void check_networks(const struct check *c)
{
	for (int f = 0; f < FAMILIES; f++) {
		const struct prefix *a = &c->config->side[SIDE_CLIENT].address[f];
		const struct prefix *b = &c->config->side[SIDE_SERVER].address[f];
		char ta[PREFIX_TEXT_SIZE], tb[PREFIX_TEXT_SIZE];
		const char *key = address_keys[f];

		if (a->family != family_af[f] || b->family != family_af[f] ||
		    (!prefix_contains(a, b) && !prefix_contains(b, a)))
			continue;
		config_fault(c->report, check_line(c, "server", key),
			     "server.%s: expected %s, got '%s', and client.%s is '%s'",
			     key,
			     memcmp(a->bytes, b->bytes, sizeof(a->bytes))
				     ? "another network than the client's"
				     : "another address than the client's",
			     prefix_format(b, true, tb), key, prefix_format(a, true, ta));
	}
}

static void check_mtu(const struct check *c, int s)
{
	const struct config_side *side = &c->config->side[s];

	if (side->address[FAMILY_IPV6].family && side->mtu && side->mtu < MTU_MIN_IP6)
		config_fault(c->report, check_line(c, side_names[s], "mtu"),
			     "%s.mtu: expected at least %d, since the side has an IPv6 "
			     "address, got %u",
			     side_names[s], MTU_MIN_IP6, side->mtu);
}

static void check_service(const struct check *c)
{
	unsigned int n = ports_count(&c->config->ports);

	if (n > LISTEN_MAX && !scenario_maps(c->config->scenario) &&
	    check_sound(c, "blade", "scenario") && check_sound(c, "service", "ports"))
		config_fault(c->report, check_line(c, "service", "ports"),
			     "service.ports: expected at most %d ports in all, since "
			     "each instance listens on each (with scenario = NF-IPT or "
			     "SK-LOOKUP any number goes), got %u",
			     LISTEN_MAX, n);
}

/* They are some of the service's. */
static void check_http_ports(const struct check *c)
{
	unsigned int line = check_line(c, "haproxy", "http_ports");
	char text[PORTS_TEXT_SIZE], strange_text[PORTS_TEXT_SIZE];
	struct ports strange;

	ports_format(&c->config->http_ports, text, sizeof(text));
	if (c->config->mode != HAPROXY_MODE_HTTP && check_sound(c, "haproxy", "mode"))
		config_fault(c->report, line,
			     "haproxy.http_ports: expected all with mode = tcp, which "
			     "reads none as HTTP, got '%s'; set haproxy.mode = http",
			     text);
	if (!check_sound(c, "service", "ports") ||
	    ports_combine(&c->config->http_ports, &c->config->http_ports,
			  &c->config->ports, &strange, NULL) < 0 ||
	    !strange.n)
		return;
	config_fault(
		c->report, line,
		"haproxy.http_ports: expected some of service.ports, got '%s', of which "
		"it has not %s",
		text, ports_format(&strange, strange_text, sizeof(strange_text)));
}

/* A connection is kept by the address that it comes from, and for whole requests. */
static void check_reuse(const struct check *c)
{
	unsigned int line = check_line(c, "haproxy", "reuse");

	if (c->config->mode != HAPROXY_MODE_HTTP && check_sound(c, "haproxy", "mode"))
		config_fault(
			c->report, line,
			"haproxy.reuse: expected no with mode = tcp, since only HTTP "
			"has requests, got yes; set haproxy.mode = http");
	if (c->config->source != HAPROXY_SOURCE_CLIENTIP &&
	    check_sound(c, "haproxy", "source"))
		config_fault(c->report, line,
			     "haproxy.reuse: expected no with source = client, since no "
			     "two connections have a port in common, got yes; set "
			     "haproxy.source = clientip");
}

static void check_haproxy(const struct check *c)
{
	const struct config *config = c->config;

	if (config->model == HAPROXY_MODEL_THREADS && config->processes > THREADS_MAX)
		config_fault(c->report, check_line(c, "haproxy", "processes"),
			     "haproxy.processes: expected 1..%d with model = threads, "
			     "got %u",
			     THREADS_MAX, config->processes);
	if (config->http_ports.n)
		check_http_ports(c);
	if (config->reuse)
		check_reuse(c);
}

void config_check(const struct config *config, const struct config_mark *marks,
		  struct config_report *report)
{
	const struct check c = { config, marks, report };

	check_nics(&c);
	for (int s = 0; s < SIDES; s++) {
		for (int f = 0; f < FAMILIES; f++)
			check_pair(&c, s, f);
		check_mtu(&c, s);
	}
	check_families(&c);
	check_networks(&c);
	check_service(&c);
	check_haproxy(&c);
}
