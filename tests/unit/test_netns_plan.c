/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan wants of the namespace: rules, routes, the guard's orders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netns/guard.h"
#include "netns/internal.h"

static struct prefix prefix(const char *text)
{
	struct prefix p = { 0 };

	assert_int_equal(prefix_parse(text, &p, NULL), 0);
	return p;
}

static struct netns_plan plan(void)
{
	struct netns_plan p = {
		.name = "no-such9",
		.side = { { .inner = "client", .host = "no-such9-c", .mtu = 1500 },
			  { .inner = "server", .host = "no-such9-s", .mtu = 1400 } },
		.ports = { .range = { { 80, 80 }, { 8080, 8090 } }, .n = 2 },
	};

	for (int side = 0; side < SIDES; side++) {
		bool server = side == SIDE_SERVER;
		struct netns_side *s = &p.side[side];

		memcpy(s->mac, "\x02\0\0\xaa\xbb\x01", 6);
		strcpy(s->congestion, server ? "cubic" : "reno");
		s->address[FAMILY_IPV4] = prefix(server ? "10.2.0.2/24" : "10.1.0.2/24");
		s->gateway[FAMILY_IPV4] = prefix(server ? "10.2.0.1" : "10.1.0.1");
		s->address[FAMILY_IPV6] =
			prefix(server ? "fd00:2::2/64" : "fd00:1::2/64");
		s->gateway[FAMILY_IPV6] = prefix(server ? "fd00:2::1" : "fd00:1::1");
	}
	p.side[SIDE_CLIENT].initcwnd = 32;
	return p;
}

static void drop_ipv6(struct netns_plan *p)
{
	for (int side = 0; side < SIDES; side++) {
		p->side[side].address[FAMILY_IPV6] = (struct prefix){ 0 };
		p->side[side].gateway[FAMILY_IPV6] = (struct prefix){ 0 };
	}
}

static void test_network(void **state)
{
	static const char *const pairs[][2] = {
		{ "10.1.0.2/24", "10.1.0.0/24" },
		{ "10.1.7.9/21", "10.1.0.0/21" },
		{ "10.1.0.3/31", "10.1.0.2/31" },
		{ "10.1.0.2/32", "10.1.0.2/32" },
		{ "10.1.0.2/0", "0.0.0.0/0" },
		{ "fd00:1::2/64", "fd00:1::/64" },
		{ "fd00:1:2:ff::/57", "fd00:1:2:80::/57" },
		{ "fd00::1/127", "fd00::/127" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct prefix address = prefix(pairs[i][0]);
		struct prefix net = netns_network(&address);
		char text[PREFIX_TEXT_SIZE];

		assert_string_equal(prefix_format(&net, true, text), pairs[i][1]);
	}
}

static void test_rules(void **state)
{
	struct netns_rule r[NETNS_RULES_MAX];
	struct netns_plan p = plan();

	(void)state;
	for (int family = 0; family < FAMILIES; family++) {
		assert_int_equal(netns_rules(&p, family, r), 11);
		assert_int_equal(r[0].pref, 90);
		assert_string_equal(r[0].iif, "client");
		assert_int_equal(r[0].mask, NETNS_MARK_PASS);
		assert_int_equal(r[0].table, NETNS_TABLE_SERVER);
		assert_int_equal(r[1].pref, 91);
		assert_string_equal(r[1].iif, "server");
		assert_int_equal(r[1].mark, NETNS_MARK_PASS);
		assert_int_equal(r[1].table, RT_TABLE_MAIN);
		assert_int_equal(r[2].family, netns_family_af[family]);
		assert_int_equal(r[2].pref, 100);
		assert_string_equal(r[2].iif, "client");
		assert_int_equal(r[2].dport.last, 80);
		assert_int_equal(r[3].pref, 101);
		assert_string_equal(r[3].iif, "server");
		assert_int_equal(r[3].sport.first, 80);
		assert_int_equal(r[5].sport.last, 8090);
		assert_int_equal(r[6].mark, NETNS_MARK_LOCAL);
		assert_int_equal(r[6].table, NETNS_TABLE_LOCAL);
		assert_string_equal(r[6].iif, "client");
		assert_int_equal(r[7].mark, NETNS_MARK_LOCAL);
		assert_string_equal(r[7].iif, "server");
		assert_string_equal(r[8].oif, "server");
		assert_int_equal(r[9].mask, NETNS_MARK_SERVER);
		assert_int_equal(r[10].table, NETNS_TABLE_SERVER);
	}
}

/* Without ports nothing may be led to sockets: this is how hapep fails open. */
static void test_rules_without_ports(void **state)
{
	struct netns_rule r[NETNS_RULES_MAX];
	struct netns_plan p = plan();

	(void)state;
	p.ports.n = 0;
	assert_int_equal(netns_rules(&p, FAMILY_IPV4, r), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(r[i].table, NETNS_TABLE_SERVER);
}

static void test_rules_of_full_ports(void **state)
{
	struct netns_rule r[NETNS_RULES_MAX];
	struct netns_plan p = plan();

	(void)state;
	p.ports.n = PORTS_MAX;
	for (uint16_t i = 0; i < PORTS_MAX; i++)
		p.ports.range[i] = (struct port_range){ (uint16_t)(i * 10 + 1),
							(uint16_t)(i * 10 + 2) };
	assert_int_equal(netns_rules(&p, FAMILY_IPV4, r), NETNS_RULES_MAX);
}

static void test_families(void **state)
{
	struct netns_route routes[NETNS_ROUTES_MAX];
	struct netns_rule rules[NETNS_RULES_MAX];
	struct netns_plan p = plan();

	(void)state;
	assert_true(netns_has_family(&p, FAMILY_IPV6));
	drop_ipv6(&p);
	assert_false(netns_has_family(&p, FAMILY_IPV6));
	assert_true(netns_has_family(&p, FAMILY_IPV4));
	assert_int_equal(netns_rules(&p, FAMILY_IPV6, rules), 0);
	assert_int_equal(netns_routes(&p, FAMILY_IPV6, routes), 0);
}

static void check_routes(const struct netns_plan *p, int family, const char *const *want,
			 size_t n)
{
	struct netns_route r[NETNS_ROUTES_MAX];
	char text[256];

	assert_int_equal(netns_routes(p, family, r), n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(netns_route_format(&r[i], text), want[i]);
}

static void test_routes(void **state)
{
	static const char *const ipv4[] = {
		"local default dev lo table 100 proto 104",
		"10.1.0.0/24 dev client table main proto 104 scope link congctl reno initcwnd 32",
		"10.2.0.0/24 dev server table main proto 104 scope link congctl cubic",
		"default via 10.1.0.1 dev client table main proto 104 congctl reno initcwnd 32",
		"10.1.0.0/24 dev client table 200 proto 104 scope link congctl reno initcwnd 32",
		"10.2.0.0/24 dev server table 200 proto 104 scope link congctl cubic",
		"default via 10.2.0.1 dev server table 200 proto 104 congctl cubic",
	};
	static const char *const ipv6[] = {
		"local default dev lo table 100 proto 104",
		"fd00:1::/64 dev client table main proto 104 congctl reno initcwnd 32",
		"fd00:2::/64 dev server table main proto 104 congctl cubic",
		"default via fd00:1::1 dev client table main proto 104 congctl reno initcwnd 32",
		"fd00:1::/64 dev client table 200 proto 104 congctl reno initcwnd 32",
		"fd00:2::/64 dev server table 200 proto 104 congctl cubic",
		"default via fd00:2::1 dev server table 200 proto 104 congctl cubic",
	};
	struct netns_plan p = plan();

	(void)state;
	check_routes(&p, FAMILY_IPV4, ipv4, 7);
	check_routes(&p, FAMILY_IPV6, ipv6, 7);
}

/* No gateway: nothing may fall through to main and go back where it came from. */
static void test_routes_without_gateway(void **state)
{
	static const char *const want[] = {
		"local default dev lo table 100 proto 104",
		"10.2.0.0/24 dev server table main proto 104 scope link congctl cubic",
		"default via 10.1.0.1 dev client table main proto 104 congctl reno initcwnd 32",
		"10.2.0.0/24 dev server table 200 proto 104 scope link congctl cubic",
		"unreachable default table 200 proto 104",
	};
	struct netns_plan p = plan();

	(void)state;
	p.side[SIDE_SERVER].gateway[FAMILY_IPV4] = (struct prefix){ 0 };
	/* A bare address has no network to be connected to. */
	p.side[SIDE_CLIENT].address[FAMILY_IPV4] = prefix("10.1.0.2/32");
	check_routes(&p, FAMILY_IPV4, want, 5);
}

static void test_guard(void **state)
{
	struct netns_plan p = plan();
	struct guard_wanted g;

	(void)state;
	netns_guard_fill(&p, &g);
	assert_memory_equal(&g.ipv4[0], "\x0a\x01\0\x02", 4);
	assert_memory_equal(&g.ipv4[1], "\x0a\x02\0\x02", 4);
	assert_memory_equal(g.ipv6[1], p.side[1].address[FAMILY_IPV6].bytes, 16);
	assert_int_equal(g.ranges, 2);
	assert_int_equal(g.range[1].first, 8080);
	assert_int_equal(g.range[1].last, 8090);
	p.proxy_port = 1234;
	netns_guard_fill(&p, &g);
	assert_int_equal(g.ranges, 3);
	assert_int_equal(g.range[2].first, 1234);
	assert_int_equal(g.range[2].last, 1234);
	netns_service_fill(&p, &g);
	assert_int_equal(g.ranges, 2);
	drop_ipv6(&p);
	netns_guard_fill(&p, &g);
	assert_memory_equal(g.ipv6[0], "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

/* A CPU's slot is what the list says; CPUs past its end share. */
static void test_lookup(void **state)
{
	const unsigned short taker[] = { 2, 2, 0, 1 };
	struct netns_plan p = plan();
	static struct lookup_wanted w;

	(void)state;
	p.proxy_port = 1234;
	netns_lookup_fill(&p, taker, 4, 3, &w);
	assert_int_equal(w.slots, 3);
	assert_true(w.by_cpu);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(w.slot_of_cpu[i], taker[i]);
	assert_int_equal(w.slot_of_cpu[4], 4 % 3);
	assert_int_equal(w.slot_of_cpu[LOOKUP_CPUS - 1], (LOOKUP_CPUS - 1) % 3);
	assert_int_equal(w.service.ranges, 2);
	netns_lookup_fill(&p, NULL, 0, 3, &w);
	assert_false(w.by_cpu);
}

static size_t lines_with(const struct text *t, const char *word)
{
	size_t n = 0;

	for (const char *at = t->text; (at = strstr(at, word)); at++)
		n++;
	return n;
}

/* Each family's rule once, whatever the ports; iptables takes 15 slots in one. */
static void test_tproxy(void **state)
{
	struct netns_plan p = plan();
	struct text out = { 0 };

	(void)state;
	p.proxy_port = 1234;
	netns_tproxy_describe(&p, &out);
	assert_int_equal(lines_with(&out, " tproxy ip"), 2);
	assert_non_null(strstr(out.text,
			       "iifname \"client\" meta mark & 0x4 == 0 ip daddr "
			       "!= { 10.1.0.2, 10.2.0.2 } tcp dport { 80, "
			       "8080-8090 } tproxy ip to 127.0.0.1:1234\n"));
	assert_int_equal(lines_with(&out, " notrack\n"), 4);
	text_free(&out);
	p.engine = NETNS_ENGINE_IPTABLES;
	netns_tproxy_describe(&p, &out);
	assert_int_equal(lines_with(&out, "-j TPROXY"), 2);
	assert_non_null(strstr(out.text,
			       " iptables -t mangle -A PREROUTING -i client -p tcp "
			       "-m mark --mark 0x0/0x4 -m multiport --dports "
			       "80,8080:8090 -j TPROXY --on-port 1234 --on-ip "
			       "127.0.0.1 --tproxy-mark 0x0/0x0\n"));
	assert_int_equal(lines_with(&out, "--notrack"), 8);
	text_free(&out);
	drop_ipv6(&p);
	for (size_t i = 0; i < 16; i++)
		p.ports.range[i] = (struct port_range){ (uint16_t)(10 * i + 1),
							(uint16_t)(10 * i + 1) };
	p.ports.n = 16;
	netns_tproxy_describe(&p, &out);
	assert_int_equal(lines_with(&out, "-j TPROXY"), 2);
	assert_int_equal(lines_with(&out, "141 -j"), 1 + 4);
	assert_int_equal(lines_with(&out, "--dports 151 -j TPROXY"), 1);
	assert_int_equal(lines_with(&out, "ip6tables"), 0);
	text_free(&out);
}

static void test_refusals(void **state)
{
	struct netns_plan p = plan();
	struct error err = { 0 };
	json_t *record = json_pack("{s:s}", "name", "no-such9");

	(void)state;
	p.ports.range[1].last = 65535;
	assert_int_equal(netns_rule_apply(&p, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "65535"));
	p.side[SIDE_SERVER].mtu = 1279;
	assert_int_equal(netns_veth_create(&p, SIDE_SERVER, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "1280"));
	assert_int_equal(netns_undo(record, &err), -EBADMSG);
	json_decref(record);
}

/* A namespace that is not there: every part is absent, and that is no error. */
static void test_absent(void **state)
{
	int (*const probes[])(const struct netns_plan *, enum step_state *, struct text *,
			      struct error *) = {
		netns_probe,        netns_sysctl_probe, netns_address_probe,
		netns_route_probe,  netns_rule_probe,   netns_guard_probe,
		netns_tproxy_probe, netns_lookup_probe
	};
	struct netns_plan p = plan();
	enum step_state s;

	(void)state;
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		s = STEP_PRESENT;
		assert_int_equal(probes[i](&p, &s, NULL, NULL), 0);
		assert_int_equal(s, STEP_ABSENT);
	}
	s = STEP_PRESENT;
	assert_int_equal(netns_veth_probe(&p, SIDE_CLIENT, &s, NULL, NULL), 0);
	assert_int_equal(s, STEP_ABSENT);
	assert_int_equal(netns_destroy(p.name, NULL), 0);
	assert_int_equal(netns_veth_delete(p.side[0].host, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_without_ports),
		cmocka_unit_test(test_rules_of_full_ports),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_routes_without_gateway),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_tproxy),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
