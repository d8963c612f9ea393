/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests reading and writing the kernel's CPU masks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helpers/nic/cpumask.h"

static void both_ways(const char *text, const char *shortest, const char *list)
{
	char buf[CPUMASK_TEXT_SIZE], words[64];
	cpu_set_t set;

	assert_int_equal(cpumask_parse(text, &set), 0);
	assert_string_equal(cpumask_format(&set, buf), shortest);
	assert_string_equal(cpumask_list(&set, words, sizeof(words)), list);
}

static void test_masks(void **state)
{
	(void)state;
	both_ways("00", "0", "");
	both_ways("03", "3", "0-1");
	both_ways("8001", "8001", "0,15");
	both_ways("80000000", "80000000", "31");
	both_ways("00000001,00000000", "1,00000000", "32");
	both_ways("00ffc000,0fffc001", "ffc000,0fffc001", "0,14-27,46-55");
	both_ways("FF", "ff", "0-7");
}

static void test_widest(void **state)
{
	char buf[CPUMASK_TEXT_SIZE], list[64];
	cpu_set_t set, again;

	(void)state;
	CPU_ZERO(&set);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		CPU_SET(cpu, &set);
	assert_int_equal(strlen(cpumask_format(&set, buf)), 287);
	assert_int_equal(cpumask_parse(buf, &again), 0);
	assert_true(CPU_EQUAL(&set, &again));
	assert_string_equal(cpumask_list(&set, list, sizeof(list)), "0-1023");
}

static void test_wrong(void **state)
{
	cpu_set_t set;

	(void)state;
	assert_int_equal(cpumask_parse("", &set), -EINVAL);
	assert_int_equal(cpumask_parse("0x1", &set), -EINVAL);
	assert_int_equal(cpumask_parse("0-3", &set), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_widest),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
