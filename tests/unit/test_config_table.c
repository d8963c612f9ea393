/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the table that drives a configuration, and what of it works line by line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "deploy/config.h"
#include "helpers/config_line.h"
#include "helpers/config_value.h"
#include "helpers/nearest.h"

/* Every row: its bounds are in, what lies beside them is out. */
static void test_bounds(void **state)
{
	struct config c;
	struct error why;
	char value[32];

	(void)state;
	for (size_t i = 0; i < config_blade_table.n; i++) {
		const struct config_key *k = &config_blade_table.keys[i];
		const char *unit = k->type == CONFIG_DURATION ? "ms" : "";

		if (k->type != CONFIG_UNSIGNED && k->type != CONFIG_DURATION)
			continue;
		for (int d = -1; d <= 1; d++) {
			snprintf(value, sizeof(value), "%lu%s",
				 k->minimum + (unsigned long)d, unit);
			assert_int_equal(config_value_set(k, value, &c, &why),
					 d < 0 ? -EINVAL : 0);
			snprintf(value, sizeof(value), "%lu%s",
				 k->maximum + (unsigned long)d, unit);
			assert_int_equal(config_value_set(k, value, &c, &why),
					 d > 0 ? -EINVAL : 0);
		}
	}
}

static void test_described(void **state)
{
	const struct config_table *t = &config_blade_table;
	struct text out = { 0 };
	struct config c;

	(void)state;
	config_defaults(&c);
	config_write(&c, true, &out);
	for (size_t i = 0; i < t->n; i++) {
		const struct config_key *k = &t->keys[i];
		char line[400];

		assert_true(strlen(k->text) > 20 && strchr(k->text, '.'));
		if (k->fallback)
			snprintf(line, sizeof(line), "\n%s = %s\n", k->key, k->fallback);
		else
			snprintf(line, sizeof(line), "\n; %s =\n", k->key);
		if (!strstr(out.text, line))
			fail_msg("no '%s' in the defaults", line);
		assert_int_equal(config_table_find(t, k->section, k->key), i);
	}
	for (char *line = strtok(out.text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 90);
	text_free(&out);
}

/* One line a key, always: deploy/difference.c compares two texts line by line. */
static void test_write_lines(void **state)
{
	struct text a = { 0 }, b = { 0 };
	struct config c;
	size_t lines_a = 0, lines_b = 0;

	(void)state;
	config_defaults(&c);
	config_write(&c, false, &a);
	strcpy(c.side[SIDE_CLIENT].nic, "eth0");
	strcpy(c.side[SIDE_CLIENT].congestion, "bbr");
	c.side[SIDE_CLIENT].vlan = c.side[SIDE_CLIENT].mtu = 100;
	strcpy(c.cpus, "0-3");
	c.user[0] = '\0';
	config_write(&c, false, &b);
	for (const char *p = a.text; *p; p++)
		lines_a += *p == '\n';
	for (const char *p = b.text; *p; p++)
		lines_b += *p == '\n';
	assert_int_equal(lines_a, lines_b);
	text_free(&a);
	text_free(&b);
}

static void test_marks(void **state)
{
	const struct config_table *t = &config_blade_table;
	struct config_mark marks[64];
	struct text faults = { 0 };
	struct config_report report = { .file = "f", .out = &faults };
	const char *text = "[client]\nnic = a\nvlan = x\nmtuu = 1500\n";
	struct config c;
	int nic = config_table_find(t, "client", "nic");

	(void)state;
	assert_true(t->n <= 64);
	config_table_parse(t, &report, text, strlen(text), &c, marks);
	assert_int_equal(marks[nic].line, 2);
	assert_int_equal(marks[nic].section, 1);
	assert_true(marks[nic].good && !marks[nic].wrong);
	assert_int_equal(marks[nic + 1].line, 3);
	assert_true(!marks[nic + 1].good && marks[nic + 1].wrong);
	assert_int_equal(marks[config_table_find(t, "client", "mtu")].line, 0);
	assert_true(marks[config_table_find(t, "client", "mtu")].wrong);
	assert_int_equal(marks[config_table_find(t, "server", "nic")].section, 0);
	assert_int_equal(config_table_find(t, "client", "ports"), -1);
	assert_int_equal(config_table_find(t, "clients", "nic"), -1);
	text_free(&faults);
}

static void test_clip(void **state)
{
	char buf[CONFIG_CLIP_SIZE], text[200];

	(void)state;
	assert_string_equal(config_clip("short", buf), "short");
	memset(text, 'x', sizeof(text));
	text[60] = '\0';
	assert_string_equal(config_clip(text, buf), text);
	text[60] = 'x';
	text[199] = '\0';
	assert_int_equal(strlen(config_clip(text, buf)), 63);
	/* A character of three bytes, over the edge, is left out whole. */
	memcpy(text + 58, "\xe2\x82\xac", 3);
	assert_int_equal(strlen(config_clip(text, buf)), 61);
	assert_string_equal(buf + 57, "x...");
	for (size_t i = 0; i < 66; i++)
		memcpy(text + 3 * i, "\xe2\x82\xac", 3);
	assert_int_equal(strlen(config_clip(text, buf)), 63);
}

static void test_nearest(void **state)
{
	unsigned int distance;

	(void)state;
	assert_int_equal(word_distance("vlan", "vlan"), 0);
	assert_int_equal(word_distance("VLAN", "vlan"), 0);
	assert_int_equal(word_distance("vlna", "vlan"), 1);
	assert_int_equal(word_distance("van", "vlan"), 1);
	assert_int_equal(word_distance("vlans", "vlan"), 1);
	assert_int_equal(word_distance("vlxn", "vlan"), 1);
	assert_int_equal(word_distance("", "vlan"), 4);
	assert_int_equal(word_distance("kitten", "sitting"), 3);
	assert_true(word_is_near("nik", "nic", &distance));
	assert_false(word_is_near("dog", "nic", &distance));
	assert_false(word_is_near("weather", "service", &distance));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),      cmocka_unit_test(test_described),
		cmocka_unit_test(test_write_lines), cmocka_unit_test(test_marks),
		cmocka_unit_test(test_clip),        cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests_name("config table", tests, NULL, NULL);
}
