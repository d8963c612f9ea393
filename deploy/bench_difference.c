/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns finding in which members two parts of results differ. */
#include "deploy/bench_difference.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"

static char *value_words(const json_t *value)
{
	if (!value || json_is_null(value))
		return memory_strdup("nothing");
	if (json_is_string(value))
		return memory_strdup(json_string_value(value));
	if (json_is_number(value))
		return memory_printf("%g", json_number_value(value));
	if (json_is_boolean(value))
		return memory_strdup(json_is_true(value) ? "yes" : "no");
	return json_dumps(value, JSON_COMPACT);
}

/* 2 and 2.0 are the same. */
static bool same(const json_t *x, const json_t *y)
{
	if (json_is_number(x) && json_is_number(y)) {
		double d = json_number_value(x) - json_number_value(y);

		return !(d < 0 || d > 0);
	}
	return x == y || json_equal(x, y);
}

static void member_add(const char *outer, const char *key, const json_t *from,
		       const json_t *to, json_t *list)
{
	_cleanup_free_ char *name =
		memory_printf("%s%s%s", outer, *outer ? "." : "", key);
	_cleanup_free_ char *x = NULL, *y = NULL;

	if (same(from, to))
		return;
	x = value_words(from);
	y = value_words(to);
	json_array_append_new(
		list, json_pack("{s:s,s:s,s:s}", "name", name, "from", x, "to", y));
}

/* Of one object, and of those in it: its members are values alone. */
static void members_add(const char *outer, json_t *from, json_t *to, json_t *list)
{
	const char *key;
	json_t *value;

	json_object_foreach(from, key, value)
	{
		const json_t *other = json_object_get(to, key);

		if (!json_is_object(value))
			member_add(outer, key, value, other, list);
	}
	json_object_foreach(to, key, value)
	{
		if (!json_is_object(value) && !json_object_get(from, key))
			member_add(outer, key, NULL, value, list);
	}
}

json_t *bench_differences(json_t *from, json_t *to)
{
	json_t *list = json_array(), *value;
	const char *key;

	members_add("", from, to, list);
	json_object_foreach(from, key, value)
	{
		if (json_is_object(value))
			members_add(key, value, json_object_get(to, key), list);
	}
	json_object_foreach(to, key, value)
	{
		if (json_is_object(value) && !json_object_get(from, key))
			members_add(key, NULL, value, list);
	}
	return list;
}

json_t *bench_configuration(const char *text)
{
	char section[64] = "", line[1024], key[64], value[900];
	json_t *tree = json_object();

	while (text && *text) {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		text += n + (text[n] == '\n');
		value[0] = '\0';
		if (sscanf(line, " [%63[^]]", section) == 1 || strspn(line, " \t") == n ||
		    line[strspn(line, " \t")] == ';')
			continue;
		if (sscanf(line, " %63[^= ] = %899[^\n]", key, value) >= 1) {
			_cleanup_free_ char *name = memory_printf("%s.%s", section, key);

			json_object_set_new(tree, name, json_string(value));
		}
	}
	return tree;
}
