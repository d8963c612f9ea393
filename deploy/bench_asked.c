/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns --case: which cases there are to name, which a run was asked for. */
#include "deploy/bench_asked.h"

#include <errno.h>
#include <string.h>

#include "helpers/cleanup.h"

static bool suite_has(const struct bench_suite *suite, const char *name)
{
	for (size_t i = 0; i < suite->cases_n; i++) {
		if (!strcmp(suite->cases[i].name, name))
			return true;
	}
	return false;
}

static bool named(const struct bench_options *o, const char *name)
{
	for (size_t i = 0; i < o->cases_n; i++) {
		if (!strcmp(o->cases[i], name))
			return true;
	}
	return false;
}

static int profile_lacks(const struct bench_suite *suite, struct error *err)
{
	return error_say(err, EINVAL,
			 "--profile sets the cases beside '%s', which is "
			 "none of those that --case names",
			 suite->baseline);
}

int bench_asked_check(const struct bench_suite *suite, const struct bench_options *o,
		      struct error *err)
{
	for (size_t i = 0; i < o->cases_n; i++) {
		_cleanup_text_ struct text all = { 0 };

		if (suite_has(suite, o->cases[i]))
			continue;
		for (size_t k = 0; k < suite->cases_n; k++)
			text_add(&all, "%s'%s'", k ? ", " : "", suite->cases[k].name);
		return error_say(err, EINVAL, "--case: %s has no case '%s'; it has %s",
				 suite->name, o->cases[i], all.text);
	}
	return o->profile && o->cases_n && !named(o, suite->baseline)
		       ? profile_lacks(suite, err)
		       : 0;
}

/* In the suite's order, however they were named. */
static json_t *names_of(const struct bench *b)
{
	json_t *list = json_array();

	for (size_t i = 0; i < b->suite->cases_n; i++) {
		if (named(b->options, b->suite->cases[i].name))
			json_array_append_new(list, json_string(b->suite->cases[i].name));
	}
	return list;
}

void bench_asked_note(const struct bench *b, json_t *options)
{
	if (b->options->cases_n)
		json_object_set_new(options, "cases", names_of(b));
}

static const json_t *asked_list(const json_t *result)
{
	return json_object_get(json_object_get(result, "options"), "cases");
}

bool bench_asked_some(const json_t *result)
{
	return asked_list(result) != NULL;
}

bool bench_asked(const json_t *result, const char *name)
{
	const json_t *list = asked_list(result);
	json_t *word;
	size_t i;

	json_array_foreach(list, i, word)
	{
		if (!strcmp(json_string_value(word), name))
			return true;
	}
	return !list;
}

bool bench_asked_both(const json_t *result, const char *a, const char *b)
{
	return bench_asked(result, a) && (!b || bench_asked(result, b));
}

char *bench_asked_say(const json_t *result)
{
	struct text all = { 0 };
	json_t *word;
	size_t i;

	text_add(&all, "%s", "");
	json_array_foreach(asked_list(result), i, word)
	{
		text_add(&all, "%s'%s'", i ? ", " : "", json_string_value(word));
	}
	return all.text;
}

int bench_asked_same(const struct bench *b, const json_t *old, struct error *err)
{
	json_t *now = json_pack("{s:{}}", "options");
	_cleanup_free_ char *was = bench_asked_say(old), *is = NULL;

	bench_asked_note(b, json_object_get(now, "options"));
	is = bench_asked_say(now);
	json_decref(now);
	if (b->options->profile && !bench_asked(old, b->suite->baseline))
		return profile_lacks(b->suite, err);
	if (!*is || !strcmp(was, is))
		return 0;
	return error_say(err, EINVAL, "%s was run with %s, and this call means %s",
			 b->directory, *was ? was : "every case", is);
}
