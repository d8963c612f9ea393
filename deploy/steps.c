/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the order in which a blade is put in service, and so taken out again. */
#include <string.h>

#include "deploy/change.h"
#include "deploy/plan.h"
#include "deploy/renew.h"
#include "deploy/steps.h"
#include "deploy/steps_rss.h"
#include "deploy/supervisor.h"
#include "helpers/memory.h"

static bool two_nics(const struct step_context *c)
{
	return strcmp(c->nic[SIDE_CLIENT].name, c->nic[SIDE_SERVER].name) != 0;
}

static bool tagged_client(const struct step_context *c)
{
	return c->tc.side[SIDE_CLIENT].vlan != 0 ||
	       (!two_nics(c) && c->tc.side[SIDE_SERVER].vlan != 0);
}

static bool tagged_server(const struct step_context *c)
{
	return two_nics(c) && c->tc.side[SIDE_SERVER].vlan != 0;
}

/* The functions of a NIC's step, of one side. */
#define NIC_STEP(what, which, SIDE)                                                      \
	static void what##_##which##_describe(const struct step_context *c,              \
					      struct text *out)                          \
	{                                                                                \
		nic_##what##_describe(c->nic[SIDE].name, out);                           \
	}                                                                                \
	static int what##_##which##_probe(const struct step_context *c,                  \
					  enum step_state *state, struct text *detail,   \
					  struct error *err)                             \
	{                                                                                \
		return nic_##what##_probe(c->nic[SIDE].name, state, detail, err);        \
	}                                                                                \
	static int what##_##which##_record(const struct step_context *c, json_t **out,   \
					   struct error *err)                            \
	{                                                                                \
		return nic_##what##_record(c->nic[SIDE].name, out, err);                 \
	}                                                                                \
	static int what##_##which##_apply(const struct step_context *c,                  \
					  struct error *err)                             \
	{                                                                                \
		return nic_##what##_apply(c->nic[SIDE].name, err);                       \
	}

NIC_STEP(vlan, client, SIDE_CLIENT)
NIC_STEP(vlan, server, SIDE_SERVER)
NIC_STEP(flags, client, SIDE_CLIENT)
NIC_STEP(flags, server, SIDE_SERVER)

/* The functions of a step that the plan of one folder is enough for. */
#define PLAN_STEP(step, member, function)                                                \
	static void step##_describe(const struct step_context *c, struct text *out)      \
	{                                                                                \
		function##_describe(&c->member, out);                                    \
	}                                                                                \
	static int step##_probe(const struct step_context *c, enum step_state *state,    \
				struct text *detail, struct error *err)                  \
	{                                                                                \
		return function##_probe(&c->member, state, detail, err);                 \
	}                                                                                \
	static int step##_apply(const struct step_context *c, struct error *err)         \
	{                                                                                \
		return function##_apply(&c->member, err);                                \
	}

/* Of those whose apply makes what it finds what the plan wants, without a gap. */
#define PLAN_CHANGE(step, member, function)                                              \
	static int step##_change(const struct step_context *from,                        \
				 const struct step_context *to, struct error *err)       \
	{                                                                                \
		(void)from;                                                              \
		return function##_apply(&to->member, err);                               \
	}

PLAN_CHANGE(sysctl, netns, netns_sysctl)
PLAN_CHANGE(address, netns, netns_address)
PLAN_CHANGE(route, netns, netns_route)
PLAN_CHANGE(rule, netns, netns_rule)
PLAN_STEP(sysctl, netns, netns_sysctl)
PLAN_STEP(address, netns, netns_address)
PLAN_STEP(route, netns, netns_route)
PLAN_STEP(rule, netns, netns_rule)
PLAN_STEP(tproxy, netns, netns_tproxy)
PLAN_STEP(inner, tc, tc_inner)
PLAN_STEP(host, tc, tc_host)

#define netns_space_describe netns_describe
#define netns_space_probe    netns_probe
#define netns_space_apply    netns_create
PLAN_STEP(space, netns, netns_space)

static int tproxy_change(const struct step_context *from, const struct step_context *to,
			 struct error *err)
{
	return netns_tproxy_change(&from->netns, &to->netns, err);
}

static int inner_change(const struct step_context *from, const struct step_context *to,
			struct error *err)
{
	return tc_inner_change(&from->tc, &to->tc, err);
}

static bool maps_by_rule(const struct step_context *c)
{
	return c->config.scenario == SCENARIO_NF_IPT;
}

static int tproxy_record(const struct step_context *c, json_t **out, struct error *err)
{
	return netns_tproxy_record(&c->netns, out, err);
}

static int space_record(const struct step_context *c, json_t **out, struct error *err)
{
	return netns_record(&c->netns, out, err);
}

#define VETH_STEP(which, SIDE)                                                           \
	static void veth_##which##_describe(const struct step_context *c,                \
					    struct text *out)                            \
	{                                                                                \
		netns_veth_describe(&c->netns, SIDE, out);                               \
	}                                                                                \
	static int veth_##which##_probe(const struct step_context *c,                    \
					enum step_state *state, struct text *detail,     \
					struct error *err)                               \
	{                                                                                \
		return netns_veth_probe(&c->netns, SIDE, state, detail, err);            \
	}                                                                                \
	static int veth_##which##_record(const struct step_context *c, json_t **out,     \
					 struct error *err)                              \
	{                                                                                \
		(void)err;                                                               \
		*out = json_pack("{s:s}", "host", c->netns.side[SIDE].host);             \
		return 0;                                                                \
	}                                                                                \
	static int veth_##which##_apply(const struct step_context *c, struct error *err) \
	{                                                                                \
		return netns_veth_create(&c->netns, SIDE, err);                          \
	}                                                                                \
	static int veth_##which##_change(const struct step_context *from,                \
					 const struct step_context *to,                  \
					 struct error *err)                              \
	{                                                                                \
		(void)from;                                                              \
		return netns_veth_create(&to->netns, SIDE, err);                         \
	}

VETH_STEP(client, SIDE_CLIENT)
VETH_STEP(server, SIDE_SERVER)

static int veth_undo(const json_t *record, struct error *err)
{
	const char *host = json_string_value(json_object_get(record, "host"));

	return host ? netns_veth_delete(host, err) : 0;
}

static void nic_describe(const struct step_context *c, struct text *out)
{
	tc_nic_describe(&c->tc, out);
	for (int s = 0; s < SIDES; s++)
		text_line(out,
			  "ip -n %s link set %s address %02x:%02x:%02x:%02x:%02x:%02x",
			  c->name, c->netns.side[s].inner, c->nic[s].mac[0],
			  c->nic[s].mac[1], c->nic[s].mac[2], c->nic[s].mac[3],
			  c->nic[s].mac[4], c->nic[s].mac[5]);
}

static int nic_probe(const struct step_context *c, enum step_state *state,
		     struct text *detail, struct error *err)
{
	return tc_nic_probe(&c->tc, state, detail, err);
}

static int nic_apply(const struct step_context *c, struct error *err)
{
	int r = tc_nic_apply(&c->tc, err);

	return r < 0 ? r : netns_announce(&c->netns, err);
}

static int inner_record(const struct step_context *c, json_t **out, struct error *err)
{
	return tc_inner_record(&c->tc, out, err);
}

static int host_record(const struct step_context *c, json_t **out, struct error *err)
{
	return tc_host_record(&c->tc, out, err);
}

static int nic_record(const struct step_context *c, json_t **out, struct error *err)
{
	return tc_nic_record(&c->tc, out, err);
}

/* Nothing to do for a plan that another one changes to without other instances. */
static int proxy_change(const struct step_context *from, const struct step_context *to,
			struct error *err)
{
	(void)from;
	return change_proxy(to, err);
}

#define FUNCTIONS(prefix)                                                                \
	.describe = prefix##_describe, .probe = prefix##_probe, .apply = prefix##_apply

/*
 * The redirects on the NIC come last: until the instances accept, the machine goes on
 * doing with the traffic whatever it did before. The rules come after the instances and
 * what maps the service ports to them: a port that becomes one finds the way paved.
 */
static const struct step steps[] = {
	{ .name = "nic-client-flags",
	  .group = GROUP_TC,
	  .summary = "the client side's NIC up, all multicast",
	  .record = flags_client_record,
	  .undo = nic_flags_undo,
	  FUNCTIONS(flags_client) },
	{ .name = "nic-server-flags",
	  .group = GROUP_TC,
	  .summary = "the server side's NIC up, all multicast",
	  .wanted = two_nics,
	  .record = flags_server_record,
	  .undo = nic_flags_undo,
	  FUNCTIONS(flags_server) },
	{ .name = "nic-client-vlan",
	  .group = GROUP_TC,
	  .summary = "the client side's NIC lets all VLAN tags in",
	  .wanted = tagged_client,
	  .record = vlan_client_record,
	  .undo = nic_vlan_undo,
	  FUNCTIONS(vlan_client) },
	{ .name = "nic-server-vlan",
	  .group = GROUP_TC,
	  .summary = "the server side's NIC lets all VLAN tags in",
	  .wanted = tagged_server,
	  .record = vlan_server_record,
	  .undo = nic_vlan_undo,
	  FUNCTIONS(vlan_server) },
	RSS_STEPS(client),
	RSS_STEPS(server),
	{ .name = "netdev-budget",
	  .group = GROUP_RSS,
	  .summary = "the time that one round of receiving may take",
	  .wanted = budget_host_wanted,
	  .record = budget_host_record,
	  .undo = budget_host_undo,
	  FUNCTIONS(budget_host) },
	{ .name = "namespace",
	  .group = GROUP_NETNS,
	  .summary = "the proxy's network namespace",
	  .record = space_record,
	  .undo = netns_undo,
	  FUNCTIONS(space) },
	{ .name = "veth-client",
	  .group = GROUP_NETNS,
	  .summary = "the veth pair of the client side",
	  .record = veth_client_record,
	  .undo = veth_undo,
	  .change = veth_client_change,
	  FUNCTIONS(veth_client) },
	{ .name = "veth-server",
	  .group = GROUP_NETNS,
	  .summary = "the veth pair of the server side",
	  .record = veth_server_record,
	  .undo = veth_undo,
	  .change = veth_server_change,
	  FUNCTIONS(veth_server) },
	{ .name = "sysctls",
	  .group = GROUP_NETNS,
	  .summary = "forwarding, TCP and neighbour settings of the namespace",
	  .change = sysctl_change,
	  FUNCTIONS(sysctl) },
	{ .name = "addresses",
	  .group = GROUP_NETNS,
	  .summary = "the blade's own address on each side",
	  .change = address_change,
	  FUNCTIONS(address) },
	{ .name = "routes",
	  .group = GROUP_NETNS,
	  .summary = "routes with each side's congestion control and initcwnd",
	  .change = route_change,
	  FUNCTIONS(route) },
	{ .name = "tc-inner",
	  .group = GROUP_TC,
	  .summary = "filters on the veths in the namespace",
	  .record = inner_record,
	  .undo = tc_undo,
	  .change = inner_change,
	  FUNCTIONS(inner) },
	{ .name = "tproxy",
	  .group = GROUP_NETNS,
	  .summary = "the rule that maps the service ports to the proxy port",
	  .wanted = maps_by_rule,
	  .record = tproxy_record,
	  .record_made = true,
	  .undo = netns_tproxy_undo,
	  .change = tproxy_change,
	  FUNCTIONS(tproxy) },
	{ .name = "proxy",
	  .group = GROUP_HAPROXY,
	  .summary = "listening sockets, supervisor and HAProxy instances",
	  .describe = supervisor_describe,
	  .probe = supervisor_probe,
	  .record = supervisor_record,
	  .apply = supervisor_start,
	  .undo = supervisor_undo,
	  .change = proxy_change,
	  .differs = renew_differs },
	{ .name = "rules",
	  .group = GROUP_NETNS,
	  .summary = "rules that send eligible packets to table 100",
	  .change = rule_change,
	  FUNCTIONS(rule) },
	{ .name = "tc-host",
	  .group = GROUP_TC,
	  .summary = "what leaves the namespace goes to the NIC",
	  .record = host_record,
	  .undo = tc_undo,
	  FUNCTIONS(host) },
	{ .name = "tc-nic",
	  .group = GROUP_TC,
	  .summary = "what arrives on the NIC goes to the namespace",
	  .record = nic_record,
	  .undo = tc_undo,
	  FUNCTIONS(nic) },
};

const struct step_table deploy_steps = { steps, sizeof(steps) / sizeof(steps[0]) };
