/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests picking the sentence that matters from what `haproxy -c` says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "haproxy/instance.h"

static void sentence(const char *words, const char *wanted)
{
	char out[1024];

	assert_string_equal(check_sentence(words, out, sizeof(out)), wanted);
}

static void test_alert(void **state)
{
	(void)state;
	sentence(
		"[NOTICE]   (17) : haproxy version is 2.6.12-1+deb12u4\n"
		"[WARNING]  (17) : config : something\n"
		"[ALERT]    (17) : config : parsing [/proc/self/fd/3:12] : unknown keyword "
		"'usesrcx' in 'server' section\n"
		"[ALERT]    (17) : config : Fatal errors found in configuration.\n",
		"config : parsing [line 12] : unknown keyword 'usesrcx' in 'server' "
		"section");
	sentence("[ALERT]    (17) : no file\n", "no file");
	sentence("[ALERT] 324/101010 strange\n", "[ALERT] 324/101010 strange");
}

static void test_no_alert(void **state)
{
	(void)state;
	sentence("", "");
	sentence("one line", "one line");
	sentence("first\nlast\n", "last");
	sentence("first\nlast\n\n\n", "last");
	sentence("haproxy: error while loading shared libraries: liblua5.3.so.0: cannot "
		 "open\n",
		 "haproxy: error while loading shared libraries: liblua5.3.so.0: cannot "
		 "open");
}

static void test_short_room(void **state)
{
	char out[8];

	(void)state;
	assert_string_equal(
		check_sentence("[ALERT]    (1) : long long", out, sizeof(out)),
		"long lo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alert),
		cmocka_unit_test(test_no_alert),
		cmocka_unit_test(test_short_room),
	};

	return cmocka_run_group_tests_name("haproxy_check", tests, NULL, NULL);
}
