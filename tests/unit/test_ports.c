/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests reading, writing and asking lists of TCP ports. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helpers/ports.h"

static void formats(const char *text, const char *wanted, unsigned int count)
{
	char buf[PORTS_TEXT_SIZE];
	struct error err = { 0 };
	struct ports p;

	assert_int_equal(ports_parse(text, &p, &err), 0);
	assert_string_equal(ports_format(&p, buf, sizeof(buf)), wanted);
	assert_int_equal(ports_count(&p), count);
}

static void test_good(void **state)
{
	(void)state;
	formats("80", "80", 1);
	formats(" 80 ", "80", 1);
	formats("80, 8080-8090", "80,8080-8090", 12);
	formats("8080 - 8090 ,\t80", "80,8080-8090", 12);
	formats("443,80", "80,443", 2);
	formats("81,80,82", "80-82", 3);
	formats("90-99,80-89,100", "80-100", 21);
	formats("80-80", "80", 1);
	formats("1-65534", "1-65534", 65534);
	formats("65534,1", "1,65534", 2);
	formats("0080", "80", 1);
}

static void rejects(const char *text, const char *why)
{
	struct error err = { 0 };
	struct ports p = { .n = 7 };

	assert_int_equal(ports_parse(text, &p, &err), -EINVAL);
	if (!strstr(err.msg, why))
		fail_msg("'%s': expected '%s' in '%s'", text, why, err.msg);
	assert_int_equal(p.n, 7);
}

static void test_bad(void **state)
{
	(void)state;
	rejects("", "1..65534");
	rejects("0", "1..65534");
	rejects("65535", "1..65534");
	rejects("18446744073709551696", "1..65534");
	rejects("-80", "1..65534");
	rejects("+80", "1..65534");
	rejects("http", "1..65534");
	rejects("80,", "1..65534");
	rejects(",80", "1..65534");
	rejects("80,,81", "1..65534");
	rejects("80-", "1..65534");
	rejects("80-65535", "1..65534");
	rejects("80--81", "1..65534");
	rejects("90-80", "90-80 runs backwards");
	rejects("80 81", "junk after a port: '81'");
	rejects("80;reboot", "junk after a port: ';reboot'");
	rejects("80-81-82", "junk after a port: '-82'");
	rejects("0x50", "1..65534");
}

static void test_overlap(void **state)
{
	(void)state;
	rejects("80,80", "80 and 80 overlap");
	rejects("80-90, 85", "80-90 and 85 overlap");
	rejects("85, 80-90", "85 and 80-90 overlap");
	rejects("1-10,20-30,5-25", "1-10 and 5-25 overlap");
	rejects("20-30,1-10,40-50,8-22", "overlap");
	rejects("100-200,50-100", "100-200 and 50-100 overlap");
	rejects("50-100,100-200", "50-100 and 100-200 overlap");
	rejects("80,443,1-65534", "overlap");
}

static void test_full(void **state)
{
	char text[8 * (PORTS_MAX + 1) + 1] = "", buf[PORTS_TEXT_SIZE];
	struct error err = { 0 };
	struct ports p;
	size_t used = 0;

	(void)state;
	for (int i = 0; i < PORTS_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d",
					 i ? "," : "", 60000 + 2 * i);
	assert_int_equal(ports_parse(text, &p, &err), 0);
	assert_int_equal(p.n, PORTS_MAX);
	assert_string_equal(ports_format(&p, buf, sizeof(buf)), text);
	snprintf(text + used, sizeof(text) - used, ",1");
	rejects(text, "more than 64");
}

/* A buffer too small ends the text, and nothing is written beyond it. */
static void test_format_short(void **state)
{
	struct error err = { 0 };
	struct ports p;
	char buf[8];

	(void)state;
	assert_int_equal(ports_parse("80,443,8080", &p, &err), 0);
	memset(buf, 'x', sizeof(buf));
	ports_format(&p, buf, 5);
	assert_string_equal(buf, "80,4");
	assert_memory_equal(buf + 5, "xxx", 3);
}

static void test_contain(void **state)
{
	struct error err = { 0 };
	struct ports p;

	(void)state;
	assert_int_equal(ports_parse("80,8080-8090", &p, &err), 0);
	assert_true(ports_contain(&p, 80));
	assert_true(ports_contain(&p, 8080));
	assert_true(ports_contain(&p, 8090));
	assert_false(ports_contain(&p, 79));
	assert_false(ports_contain(&p, 81));
	assert_false(ports_contain(&p, 8091));
	assert_false(ports_contain(&p, 0));
	assert_false(ports_contain(&(struct ports){ .n = 0 }, 80));
}

static void combined(const char *a, const char *b, const char *without,
		     const char *wanted)
{
	const char *const text[] = { a, b, without };
	struct ports p[3] = { { .n = 0 } }, out;
	char found[PORTS_TEXT_SIZE];
	struct error err = { 0 };

	for (int i = 0; i < 3; i++) {
		if (text[i][0])
			assert_int_equal(ports_parse(text[i], &p[i], &err), 0);
	}
	assert_int_equal(ports_combine(&p[0], &p[1], &p[2], &out, &err), 0);
	assert_string_equal(ports_format(&out, found, sizeof(found)), wanted);
}

static void test_combine(void **state)
{
	struct ports all = { .n = 1, .range = { { 1, 65534 } } }, odd = { .n = 0 }, out;
	struct error err = { 0 };

	(void)state;
	combined("", "", "", "");
	combined("80", "", "", "80");
	combined("80", "81-90", "", "80-90");
	combined("80", "443,8080", "80,8080", "443");
	combined("1-65534", "", "2-65533", "1,65534");
	combined("", "1-100", "50", "1-49,51-100");
	combined("80", "80", "80", "");
	for (uint16_t i = 0; i < PORTS_MAX; i++)
		odd.range[odd.n++] = (struct port_range){ (uint16_t)(2 * i + 2),
							  (uint16_t)(2 * i + 2) };
	assert_int_equal(ports_combine(&all, &all, &odd, &out, &err), -E2BIG);
	odd.n--;
	assert_int_equal(ports_combine(&all, &all, &odd, &out, &err), 0);
	assert_int_equal(out.n, PORTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),         cmocka_unit_test(test_bad),
		cmocka_unit_test(test_overlap),      cmocka_unit_test(test_full),
		cmocka_unit_test(test_format_short), cmocka_unit_test(test_contain),
		cmocka_unit_test(test_combine),
	};

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
