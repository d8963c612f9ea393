/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests reading `haproxy -vv` of every branch, of strangers, and of programs absent. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "haproxy/haproxy.h"

#define VERSIONS "tests/golden/haproxy/versions/"

static void read_fixture(const char *name, char *text, size_t size)
{
	char path[256];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), VERSIONS "%s.txt", name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s: run this from the repository's root", path);
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
}

static void branch(const char *name, int major, int minor, int patch, const char *text,
		   unsigned int threads, unsigned int groups)
{
	struct error err = { 0 };
	struct haproxy_version v;
	char vv[16384];

	read_fixture(name, vv, sizeof(vv));
	assert_int_equal(haproxy_version_parse(vv, &v, &err), 0);
	assert_int_equal(v.major, major);
	assert_int_equal(v.minor, minor);
	assert_int_equal(v.patch, patch);
	assert_string_equal(v.text, text);
	assert_true(v.transparent && v.splice && v.threads);
	assert_int_equal(v.tls, !!strstr(vv, " +OPENSSL "));
	assert_int_equal(v.max_threads, threads);
	assert_int_equal(v.max_groups, groups);
}

static void test_branches(void **state)
{
	(void)state;
	branch("2.4.17", 2, 4, 17, "2.4.17-9f97155", 64, 1);
	branch("2.6.12", 2, 6, 12, "2.6.12-1+deb12u4", 64, 1);
	branch("2.8.5", 2, 8, 5, "2.8.5-1ubuntu3", 256, 16);
	branch("3.0.11", 3, 0, 11, "3.0.11-9e587df", 256, 16);
	branch("3.2.3", 3, 2, 3, "3.2.3-1844da7", 1024, 32);
}

static void refused(const char *vv, int code, const char *words)
{
	struct haproxy_version v = { .major = 77 };
	struct error err = { 0 };

	assert_int_equal(haproxy_version_parse(vv, &v, &err), -code);
	assert_int_equal(v.major, 77);
	if (!strstr(err.msg, words))
		fail_msg("'%s' is not in '%s'", words, err.msg);
}

static void test_refused(void **state)
{
	(void)state;
	refused("", EPROTO, "is this HAProxy?");
	refused("nginx version: nginx/1.22.1\n", EPROTO, "is this HAProxy?");
	refused("about HAProxy version 2.6.1\n", EPROTO, "is this HAProxy?");
	refused("HAProxy version \n", EPROTO, "is this HAProxy?");
	refused("HAProxy version two.six\n", EPROTO, "'two.six'");
	refused("HAProxy version 2\n", EPROTO, "'2'");
	refused("HAProxy version 2.x\n", EPROTO, "'2.x'");
	refused("HAProxy version 2.6x\n", EPROTO, "'2.6x'");
	refused("HAProxy version 99999999999.1\n", EPROTO, "'99999999999.1'");
	refused("HA-Proxy version 2.2.14-a07ac36 2021/04/29 - https://haproxy.org/\n",
		ENOTSUP, "2.4 or later");
	refused("HA-Proxy version 1.8.0-2ppa1~xenial 2017/11/30\n", ENOTSUP,
		"HAProxy 1.8.0-2ppa1~xenial is too old");
}

static void test_long_word(void **state)
{
	char vv[256] = "HAProxy version 2.6.1";

	(void)state;
	memset(vv + strlen(vv), '9', 100);
	refused(vv, EPROTO, "is this HAProxy?");
}

static struct haproxy_version parsed(const char *vv)
{
	struct haproxy_version v = { 0 };
	struct error err = { 0 };

	if (haproxy_version_parse(vv, &v, &err) < 0)
		fail_msg("%s", err.msg);
	return v;
}

static void test_features(void **state)
{
	struct haproxy_version v;

	(void)state;
	v = parsed("HAProxy version 2.6-dev5-f7ff9c-143 2022/04/15\n");
	assert_true(v.minor == 6 && v.patch == 0);
	assert_false(v.transparent || v.splice || v.threads);
	assert_int_equal(v.max_threads, 1);

	v = parsed("HAProxy version 2.8.1\n"
		   "Feature list : -TPROXY +LINUX_TPROXY +LINUX_SPLICED -THREAD\n");
	assert_false(v.transparent || v.splice || v.threads);

	v = parsed("HAProxy version 2.8.1\nFeature list : +THREAD +LINUX_SPLICE +TPROXY "
		   "+OPENSSL\n");
	assert_true(v.transparent && v.splice && v.threads);
	assert_true(v.tls);
	assert_int_equal(v.max_threads, 64);
	assert_int_equal(v.max_groups, 1);
}

static void absent(const char *binary, int code, const char *words)
{
	struct error err = { 0 };
	struct haproxy_version v;

	assert_int_equal(haproxy_version_read(binary, &v, &err), -code);
	if (!strstr(err.msg, words))
		fail_msg("'%s' is not in '%s'", words, err.msg);
}

static void test_programs(void **state)
{
	(void)state;
	absent("/nonexistent/haproxy", ENOENT, "apt install haproxy");
	absent("/etc/passwd", EACCES, "/etc/passwd -vv");
	absent("/bin/false", EIO, "exit status 1");
	absent("/bin/echo", EPROTO, "is this HAProxy?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_branches),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_word), cmocka_unit_test(test_features),
		cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests_name("haproxy_version", tests, NULL, NULL);
}
