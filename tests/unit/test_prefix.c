/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests reading, writing and comparing addresses with a prefix length. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "helpers/prefix.h"

static struct prefix parsed(const char *text)
{
	struct prefix p = { 0 };
	struct error err = { 0 };

	if (prefix_parse(text, &p, &err) < 0)
		fail_msg("'%s': %s", text, err.msg);
	return p;
}

static void formats(const char *text, int family, unsigned int length, const char *with,
		    const char *without)
{
	struct prefix p = parsed(text);
	char buf[PREFIX_TEXT_SIZE];

	assert_int_equal(p.family, family);
	assert_int_equal(p.length, length);
	assert_string_equal(prefix_format(&p, true, buf), with);
	assert_string_equal(prefix_format(&p, false, buf), without);
}

static void test_good(void **state)
{
	(void)state;
	formats("10.1.0.2/24", AF_INET, 24, "10.1.0.2/24", "10.1.0.2");
	formats("10.1.0.2", AF_INET, 32, "10.1.0.2/32", "10.1.0.2");
	formats("0.0.0.0/0", AF_INET, 0, "0.0.0.0/0", "0.0.0.0");
	formats("255.255.255.255/32", AF_INET, 32, "255.255.255.255/32",
		"255.255.255.255");
	formats("fd00:1::2/64", AF_INET6, 64, "fd00:1::2/64", "fd00:1::2");
	formats("FD00:0:0::2", AF_INET6, 128, "fd00::2/128", "fd00::2");
	formats("::/0", AF_INET6, 0, "::/0", "::");
	formats("::ffff:10.1.2.3/96", AF_INET6, 96, "::ffff:10.1.2.3/96",
		"::ffff:10.1.2.3");
	formats("1234:5678:9abc:def0:1234:5678:9abc:def0/128", AF_INET6, 128,
		"1234:5678:9abc:def0:1234:5678:9abc:def0/128",
		"1234:5678:9abc:def0:1234:5678:9abc:def0");
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/24",
		"10.1.0",
		"10.1.0.256",
		"10.1.0.2.3",
		"010.1.0.2x",
		"10.1.0.2/",
		"10.1.0.2/33",
		"10.1.0.2/-1",
		"10.1.0.2/+8",
		"10.1.0.2/ 8",
		"10.1.0.2/8 ",
		"10.1.0.2/8x",
		"10.1.0.2/0000",
		"10.1.0.2/4294967304",
		"10.1.0.2/24/24",
		" 10.1.0.2",
		"10.1.0.2 ",
		"0x0a010002",
		"fd00::1/129",
		"fd00:::1",
		"fd00::1::2",
		"fd00::12345",
		"fe80::1%eth0",
		"[fd00::1]",
		"fd00::1]",
		"1:2:3:4:5:6:7:8:9",
		"localhost",
		"1234:5678:9abc:def0:1234:5678:9abc:def0:1234:5678:9abc:def0/64",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct prefix p = { .family = 77 };
		struct error err = { 0 };

		if (prefix_parse(bad[i], &p, &err) != -EINVAL)
			fail_msg("'%s' was accepted", bad[i]);
		assert_int_equal(err.code, EINVAL);
		assert_int_equal(p.family, 77);
	}
}

static void test_none(void **state)
{
	char buf[PREFIX_TEXT_SIZE];

	(void)state;
	assert_string_equal(prefix_format(&(struct prefix){ 0 }, true, buf), "none");
}

static bool contains(const char *net, const char *address)
{
	struct prefix n = parsed(net), a = parsed(address);

	return prefix_contains(&n, &a);
}

static void test_contains(void **state)
{
	struct prefix none = { 0 }, some = parsed("10.0.0.1");

	(void)state;
	assert_true(contains("10.1.0.2/24", "10.1.0.255"));
	assert_false(contains("10.1.0.2/24", "10.1.1.0"));
	assert_true(contains("10.1.0.2/23", "10.1.1.0"));
	assert_true(contains("10.1.0.2/32", "10.1.0.2"));
	assert_false(contains("10.1.0.2/32", "10.1.0.3"));
	assert_true(contains("10.1.0.2/31", "10.1.0.3"));
	assert_true(contains("10.1.0.2/0", "192.0.2.1"));
	assert_true(contains("10.0.0.0/9", "10.127.0.1"));
	assert_false(contains("10.0.0.0/9", "10.128.0.1"));
	assert_true(contains("fd00:1::/64", "fd00:1::ffff"));
	assert_false(contains("fd00:1::/64", "fd00:1:0:1::1"));
	assert_true(contains("fd00::/127", "fd00::1"));
	assert_false(contains("fd00::/127", "fd00::2"));
	assert_true(contains("::/0", "fd00::1"));
	assert_false(contains("0.0.0.0/0", "::1"));
	assert_false(contains("::/0", "10.0.0.1"));
	assert_false(prefix_contains(&none, &some));
	assert_false(prefix_contains(&some, &none));
}

static void test_equal(void **state)
{
	struct prefix a = parsed("10.1.0.2/24"), b = parsed("10.1.0.2/24");
	struct prefix none = { 0 }, other = { 0 };

	(void)state;
	assert_true(prefix_equal(&a, &b));
	b.length = 25;
	assert_false(prefix_equal(&a, &b));
	b = parsed("10.1.0.3/24");
	assert_false(prefix_equal(&a, &b));
	b = parsed("fd00::1/24");
	assert_false(prefix_equal(&a, &b));
	assert_false(prefix_equal(&a, &none));
	assert_true(prefix_equal(&none, &other));
	/* Bytes beyond an IPv4 address are not part of it. */
	b = a;
	b.bytes[15] = 1;
	assert_true(prefix_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),  cmocka_unit_test(test_bad),
		cmocka_unit_test(test_none),  cmocka_unit_test(test_contains),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
