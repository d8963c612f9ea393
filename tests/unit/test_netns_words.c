/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What netns/ says: a probe's verdict, and the lines that can be pasted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "netns/internal.h"

static void test_sysctl_same(void **state)
{
	(void)state;
	assert_true(netns_sysctl_same("1", "1"));
	assert_true(
		netns_sysctl_same("4096\t131072\t67108864\n", "4096 131072 67108864"));
	assert_true(netns_sysctl_same(" 1 ", "1"));
	assert_true(netns_sysctl_same("", " "));
	assert_false(netns_sysctl_same("1", "10"));
	assert_false(netns_sysctl_same("10", "1"));
	assert_false(netns_sysctl_same("1 0", "10"));
	assert_false(netns_sysctl_same("10", "1 0"));
	assert_false(netns_sysctl_same("1024 65535", "1024"));
	assert_false(netns_sysctl_same("", "0"));
}

static void test_tally(void **state)
{
	struct text detail = { 0 };
	struct netns_tally t = { .detail = &detail };

	(void)state;
	assert_int_equal(netns_tally_state(&t), STEP_PRESENT);
	netns_tally_missing(&t, "%s is missing", "a");
	assert_int_equal(netns_tally_state(&t), STEP_ABSENT);
	t.right = 1;
	assert_int_equal(netns_tally_state(&t), STEP_DIFFERS);
	t.right = 0;
	netns_tally_different(&t, "b is %d", 2);
	assert_int_equal(netns_tally_state(&t), STEP_DIFFERS);
	assert_string_equal(detail.text, "a is missing\nb is 2\n");
	text_free(&detail);
}

static struct netns_plan plan(bool ipv6)
{
	struct netns_plan p = {
		.name = "pep0",
		.side = { { .inner = "client", .host = "pep0-c", .mtu = 1500 },
			  { .inner = "server", .host = "pep0-s", .mtu = 1400 } },
		.ports = { .range = { { 80, 80 }, { 8080, 8090 } }, .n = 2 },
	};

	memcpy(p.side[SIDE_CLIENT].mac, "\x02\0\0\xaa\xbb\x01", 6);
	assert_int_equal(prefix_parse("10.1.0.2/24",
				      &p.side[SIDE_CLIENT].address[FAMILY_IPV4], NULL),
			 0);
	if (ipv6)
		assert_int_equal(prefix_parse("fd00:1::2/64",
					      &p.side[SIDE_CLIENT].address[FAMILY_IPV6],
					      NULL),
				 0);
	return p;
}

static void expect(const struct text *t, const char *line)
{
	if (!t->text || !strstr(t->text, line))
		fail_msg("'%s' is not in:\n%s", line, t->text ? t->text : "(nothing)");
}

static void test_describe(void **state)
{
	struct netns_plan p = plan(true);
	struct text t = { 0 };

	(void)state;
	netns_describe(&p, &t);
	netns_veth_describe(&p, SIDE_CLIENT, &t);
	netns_address_describe(&p, &t);
	netns_rule_describe(&p, &t);
	expect(&t, "ip netns add pep0\nip -n pep0 link set lo up group 104\n");
	expect(&t, "ip link add pep0-c mtu 1500 ");
	expect(&t,
	       " type veth peer name client netns pep0 address 02:00:00:aa:bb:01 mtu ");
	expect(&t, "ip link set pep0-c addrgenmode none\nip link set pep0-c up\n");
	expect(&t, "ip -n pep0 address replace 10.1.0.2/24 dev client noprefixroute\n");
	expect(&t, "ip -n pep0 -6 address replace fd00:1::2/64 dev client noprefixroute "
		   "nodad\n");
	expect(&t,
	       "ip -n pep0 rule add pref 100 iif client ipproto tcp dport 80 lookup 100 "
	       "protocol 104\n");
	expect(&t,
	       "ip -n pep0 -6 rule add pref 101 iif server ipproto tcp sport 8080-8090 "
	       "lookup 100 protocol 104\n");
	expect(&t,
	       "ip -n pep0 rule add pref 111 iif lo fwmark 0x1/0x1 lookup 200 protocol "
	       "104\n");
	text_free(&t);
}

static void test_describe_sysctls(void **state)
{
	struct netns_plan p = plan(false);
	struct text t = { 0 };

	(void)state;
	netns_sysctl_describe(&p, &t);
	/* The kernel resets others with ip_forward: it comes first. */
	assert_ptr_equal(t.text, strstr(t.text, "ip netns exec pep0 sysctl -qw "
						"net.ipv4.ip_forward='1'\n"));
	expect(&t, "ip netns exec pep0 sysctl -qw net.ipv4.conf.server.rp_filter='0'\n");
	expect(&t, "ip netns exec pep0 sysctl -qew net.ipv4.tcp_migrate_req='1'\n");
	expect(&t, "net.ipv6.conf.all.disable_ipv6='1'\n");
	assert_null(strstr(t.text, "net.ipv6.conf.all.forwarding"));
	text_free(&t);
	p = plan(true);
	netns_sysctl_describe(&p, &t);
	expect(&t, "net.ipv6.conf.all.disable_ipv6='0'\n");
	expect(&t, "net.ipv6.conf.client.accept_dad='0'\n");
	assert_null(strstr(t.text, "disable_ipv6='1'"));
	assert_null(strchr(t.text, '*'));
	text_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sysctl_same),
		cmocka_unit_test(test_tally),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_describe_sysctls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
