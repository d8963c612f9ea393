/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The load's addresses: source ranges, endpoints, and what a server says of a peer. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/load/endpoint.h"
#include "tests/load/source.h"

static void assert_source(const struct source_set *set, int family, uint64_t index,
			  const char *wanted)
{
	struct endpoint at;
	char text[ENDPOINT_TEXT];

	source_set_at(set, family, index, &at);
	endpoint_print(&at, text);
	assert_string_equal(text, wanted);
	assert_int_equal(at.any.sa_family, family);
	assert_int_equal(at.len, family == AF_INET ? sizeof(struct sockaddr_in)
						   : sizeof(struct sockaddr_in6));
}

static void test_ranges_follow_each_other(void **state)
{
	struct source_set set = { 0 };
	struct complaint why = { 0 };

	(void)state;
	assert_int_equal(source_set_add(&set, "10.100.0.1-10.100.15.255", &why), 0);
	assert_int_equal(source_set_add(&set, "fd00:100::1-fd00:100::fff", &why), 0);
	assert_int_equal(source_set_add(&set, "192.0.2.9", &why), 0);
	assert_int_equal(source_set_count(&set, AF_INET), 4095 + 1);
	assert_int_equal(source_set_count(&set, AF_INET6), 4095);
	assert_source(&set, AF_INET, 0, "10.100.0.1:0");
	assert_source(&set, AF_INET, 255, "10.100.1.0:0");
	assert_source(&set, AF_INET, 4094, "10.100.15.255:0");
	assert_source(&set, AF_INET, 4095, "192.0.2.9:0");
	assert_source(&set, AF_INET6, 0, "[fd00:100::1]:0");
	assert_source(&set, AF_INET6, 4094, "[fd00:100::fff]:0");
	source_set_free(&set);
	assert_int_equal(source_set_count(&set, AF_INET), 0);
}

static void test_range_limits(void **state)
{
	struct source_set set = { 0 };
	struct complaint why = { 0 };

	(void)state;
	assert_int_equal(source_set_add(&set, "0.0.0.0-255.255.255.255", &why), 0);
	assert_int_equal(source_set_count(&set, AF_INET), SOURCE_RANGE_MAX);
	assert_source(&set, AF_INET, SOURCE_RANGE_MAX - 1, "255.255.255.255:0");
	/* Carries into the upper half of the address. */
	assert_int_equal(
		source_set_add(&set, "fd00::ffff:ffff:ffff:ffff-fd00:0:0:1::1", &why), 0);
	assert_int_equal(source_set_count(&set, AF_INET6), 3);
	assert_source(&set, AF_INET6, 1, "[fd00:0:0:1::]:0");
	assert_int_equal(source_set_add(&set, "fd00::-fd00::1:0:0", &why), -EINVAL);
	assert_int_equal(source_set_add(&set, "fd00::-fd00::ffff:ffff", &why), 0);
	source_set_free(&set);
}

static void test_bad_ranges(void **state)
{
	static const char *const bad[] = {
		"",
		"-",
		"10.0.0.1-",
		"-10.0.0.1",
		"10.0.0.1-10.0.0.2-10.0.0.3",
		"10.0.0.9-10.0.0.1",
		"10.0.0.1-fd00::1",
		"fd00::1-10.0.0.1",
		"10.0.0",
		"10.0.0.256",
		"10.0.0.1/24",
		" 10.0.0.1",
		"10.0.0.1 ",
		"10.0.0.1:80",
		"[fd00::1]",
		"fd00::1%eth0",
		"host.example",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd",
	};
	struct source_set set = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct complaint why = { "" };

		if (source_set_add(&set, bad[i], &why) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_true(strlen(why.msg) > 10);
		assert_int_equal(set.ranges, 0);
	}
}

static void test_endpoints(void **state)
{
	static const char *const good[] = { "10.0.0.1:80", "[fd00::1]:65535",
					    "0.0.0.0:1" };
	static const char *const bad[] = {
		"",
		":80",
		"10.0.0.1",
		"10.0.0.1:",
		"10.0.0.1:0",
		"10.0.0.1:65536",
		"10.0.0.1:080000",
		"10.0.0.1:8x",
		"10.0.0.1: 8",
		"10.0.0.1:+8",
		"fd00::1:80",
		"[10.0.0.1]:80",
		"[fd00::1]",
		"[fd00::1]80",
		"[]:80",
		"host:80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct complaint why = { 0 };
		struct endpoint at;
		char text[ENDPOINT_TEXT];

		assert_int_equal(endpoint_parse(good[i], &at, &why), 0);
		endpoint_print(&at, text);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct complaint why = { "" };
		struct endpoint at;

		if (endpoint_parse(bad[i], &at, &why) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_non_null(strstr(why.msg, "expected"));
	}
}

static void assert_read(const char *text, const char *wanted)
{
	struct endpoint at;
	char got[ENDPOINT_TEXT];

	assert_int_equal(endpoint_read(text, strlen(text), &at), 0);
	endpoint_print(&at, got);
	assert_string_equal(got, wanted);
}

static void test_as_servers_write(void **state)
{
	struct endpoint at, other;

	(void)state;
	assert_read("10.0.0.1:80", "10.0.0.1:80");
	assert_read("fd00::1:80", "[fd00::1]:80");
	assert_read("[fd00::1]:80", "[fd00::1]:80");
	assert_read("::ffff:10.0.0.1:80", "10.0.0.1:80");
	assert_read("[::ffff:10.0.0.1]:80", "10.0.0.1:80");
	/* Not beyond the length given. */
	assert_int_equal(endpoint_read("10.0.0.1:8012345", 11, &at), 0);
	assert_int_equal(ntohs(at.in.sin_port), 80);
	assert_int_equal(endpoint_read("10.0.0.1:80", 11, &other), 0);
	assert_true(endpoint_equal(&at, &other));
	assert_int_equal(endpoint_read("10.0.0.1:81", 11, &other), 0);
	assert_false(endpoint_equal(&at, &other));
	assert_int_equal(endpoint_read("10.0.0.2:80", 11, &other), 0);
	assert_false(endpoint_equal(&at, &other));
	assert_int_equal(endpoint_read("fd00::1:80", 10, &at), 0);
	assert_false(endpoint_equal(&at, &other));
	assert_int_equal(endpoint_read("fd00::2:80", 10, &other), 0);
	assert_false(endpoint_equal(&at, &other));
	assert_int_equal(endpoint_read("", 0, &at), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges_follow_each_other),
		cmocka_unit_test(test_range_limits),
		cmocka_unit_test(test_bad_ranges),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_as_servers_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
