/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a benchmark's cases: the configuration that each means, and which can be had. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "deploy/bench.h"
#include "deploy/bench_asked.h"
#include "deploy/bench_difference.h"
#include "deploy/bench_result.h"
#include "deploy/config.h"
#include "deploy/scenario.h"
#include "helpers/cleanup.h"
#include "helpers/config_value.h"
#include "helpers/log.h"
#include "helpers/memory.h"
#include "helpers/run.h"

char *bench_case_file(const struct bench *b, const struct bench_case *c)
{
	return memory_printf("%s/configurations/%zu.conf", b->directory,
			     (size_t)(c - b->suite->cases) + 1);
}

bool bench_case_possible(const struct bench *b, const struct bench_case *c)
{
	json_t *tree;
	size_t i;

	json_array_foreach(json_object_get(b->result, "cases"), i, tree)
	{
		if (!strcmp(bench_word(tree, "name"), c->name))
			return json_is_true(json_object_get(tree, "possible"));
	}
	return false;
}

/* "section.key=value" into the configuration. A word without a point is a name of the
 * case's, which the suite itself answers for. */
static int setting_apply(const char *setting, struct config *config, struct text *reason)
{
	char section[32], key[32], value[64];
	struct error why = { 0 };
	int row = -1;

	if (strcspn(setting, ".") > strcspn(setting, "="))
		return 0;
	if (sscanf(setting, "%31[^.].%31[^=]=%63s", section, key, value) == 3)
		row = config_table_find(&config_blade_table, section, key);
	if (row < 0) {
		text_add(reason, "this hapep has no %s.%s", section, key);
		return -ENOTSUP;
	}
	if (config_value_set(&config_blade_table.keys[row], value, config, &why) < 0) {
		text_add(reason, "this hapep does not know %s.%s = %s", section, key,
			 value);
		return -ENOTSUP;
	}
	return 0;
}

/* What the blade's configuration starts from. */
static int base_read(const struct bench *b, struct config *out, struct error *err)
{
	_cleanup_free_ char *lab = memory_printf(
		"%s/lab/%s", b->libexec,
		!strcmp(b->suite->layout, "untagged") ? "lab-untagged.conf" : "lab.conf");
	_cleanup_text_ struct text faults = { 0 };

	if (config_read(b->base ? b->base : lab, out, &faults) < 0)
		return error_say(err, EINVAL, "%s", faults.text);
	if (!b->base)
		out->processes = b->cpus;
	return 0;
}

bool bench_scenario_possible(const json_t *scenarios, const struct config *config,
			     struct text *reason)
{
	static const char *const names[] = { "", "NO-NF", "NF-NO-IPT", "NF-IPT (nft)",
					     "SK-LOOKUP" };
	const char *name = config->engine == NETNS_ENGINE_IPTABLES &&
					   config->scenario == SCENARIO_NF_IPT
				   ? "NF-IPT (iptables)"
				   : names[config->scenario];
	size_t i;
	json_t *row;

	json_array_foreach(json_object_get(scenarios, SCENARIO_LIST), i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "scenario")), name) ||
		    json_is_true(json_object_get(row, "possible")))
			continue;
		text_add(reason, "%s", json_string_value(json_object_get(row, "needs")));
		return false;
	}
	return true;
}

/* The configuration of a case; reason where this hapep cannot have it. */
static int blade_configure(const struct bench *b, const struct bench_case *c,
			   struct config *out, struct text *reason, struct error *err)
{
	int r = base_read(b, out, err);

	for (size_t i = 0; !r && i < BENCH_SETTINGS && c->settings[i]; i++) {
		if (setting_apply(c->settings[i], out, reason) < 0)
			return 0;
	}
	return r;
}

static int blade_prepare(struct bench *b, const struct bench_case *c, json_t *tree,
			 struct text *reason, struct error *err)
{
	_cleanup_free_ char *file = bench_case_file(b, c);
	_cleanup_text_ struct text text = { 0 };
	struct error why = { 0 };
	struct config config;
	int r = blade_configure(b, c, &config, reason, err);

	if (r < 0 || reason->length)
		return r;
	if (!bench_scenario_possible(b->scenarios, &config, reason))
		return 0;
	if (config.datapath != TC_DATAPATH_AUTO &&
	    tc_datapath_check((enum tc_datapath)config.datapath, &why) < 0) {
		text_add(reason, "%s", why.msg);
		return 0;
	}
	config_write(&config, false, &text);
	json_object_set_new(tree, "configuration", json_string(text.text));
	return bench_file_write(file, text.text, err);
}

/* "a.b=c" words as an object. */
static json_t *words_json(const char *const words[BENCH_SETTINGS])
{
	json_t *tree = json_object();

	for (size_t i = 0; i < BENCH_SETTINGS && words[i]; i++) {
		const char *equals = strchr(words[i], '=');
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)(equals - words[i]), words[i]);
		json_object_set_new(tree, key, json_string(equals + 1));
	}
	return tree;
}

static int case_prepare(struct bench *b, const struct bench_case *c, json_t *tree,
			struct error *err)
{
	_cleanup_text_ struct text reason = { 0 };
	int r = 0;

	if (b->suite->possible)
		r = b->suite->possible(b, c, &reason);
	if (!r && !reason.length && strcmp(c->kind, "blade") != 0 && !b->lab[0])
		text_add(&reason, "it needs the lab");
	else if (!r && !reason.length && (!strcmp(c->kind, "blade") || c->settings[0]))
		r = blade_prepare(b, c, tree, &reason, err);
	json_object_set_new(tree, "possible", json_boolean(!reason.length));
	if (reason.length) {
		json_object_set_new(tree, "reason", json_string(reason.text));
		log_debug("%s: '%s' is not measured: %s", b->suite->name, c->name,
			  reason.text);
	}
	return r;
}

/* -EINVAL with the first that differs. what: of which two objects. */
static int same_check(const struct bench *b, const char *name, const char *what,
		      json_t *was, json_t *now, struct error *err)
{
	json_t *list = bench_differences(was, now), *d = json_array_get(list, 0);
	int r = 0;

	if (d)
		r = error_say(err, EINVAL,
			      "--resume: in %s the %s of '%s' has %s = %s, and this call "
			      "means %s: put it back, or begin another run with --output",
			      b->directory, what, name, bench_word(d, "name"),
			      bench_word(d, "from"), bench_word(d, "to"));
	json_decref(list);
	return r;
}

int bench_case_check(const struct bench *b, const json_t *tree, struct error *err)
{
	_cleanup_text_ struct text text = { 0 }, reason = { 0 };
	const char *name = bench_word(tree, "name");
	const struct bench_case *c = NULL;
	struct config config;
	json_t *was, *now;
	int r;

	for (size_t i = 0; i < b->suite->cases_n; i++) {
		if (!strcmp(b->suite->cases[i].name, name))
			c = &b->suite->cases[i];
	}
	if (!c || !json_is_true(json_object_get(tree, "possible")))
		return 0;
	now = words_json(c->load);
	r = same_check(b, name, "load", json_object_get(tree, "load"), now, err);
	json_decref(now);
	if (r < 0 || (strcmp(c->kind, "blade") != 0 && !c->settings[0]))
		return r;
	r = blade_configure(b, c, &config, &reason, err);
	if (r < 0)
		return r;
	config_write(&config, false, &text);
	was = bench_configuration(bench_word(tree, "configuration"));
	now = bench_configuration(text.text);
	r = same_check(b, name, "configuration", was, now, err);
	json_decref(was);
	json_decref(now);
	return r;
}

static bool has_blade(const struct bench_suite *suite)
{
	for (size_t i = 0; i < suite->cases_n; i++) {
		if (!strcmp(suite->cases[i].kind, "blade"))
			return true;
	}
	return false;
}

/* What the kernel in the blade can do. */
static int scenarios_read(struct bench *b, struct error *err)
{
	static const char *const in_lab[] = { "hapep", "scenario", "--json", NULL };
	const char *here[] = { b->self, "scenario", "--json", NULL };
	struct run_limits limits = { NULL, b->signals, 60 };
	_cleanup_text_ struct text out = { 0 };
	int r;

	if (!has_blade(b->suite))
		return 0;
	r = b->lab[0] ? bench_drive(b, in_lab, true, 60, &out, err)
		      : run_program_within(here, &limits, &out, err);

	if (r < 0)
		return error_wrap(err, "ask which scenarios are possible");
	b->scenarios = json_loads(out.text ? out.text : "", 0, NULL);
	return json_is_array(json_object_get(b->scenarios, SCENARIO_LIST))
		       ? 0
		       : error_say(err, EPROTO, "`hapep scenario --json` listed none");
}

int bench_cases_prepare(struct bench *b, struct error *err)
{
	_cleanup_free_ char *folder = memory_printf("%s/configurations", b->directory);
	json_t *list = json_array();
	size_t missing = 0;
	int r = mkdir(folder, 0755) < 0 && errno != EEXIST
			? error_set(err, errno, "make %s", folder)
			: scenarios_read(b, err);

	json_object_set_new(b->result, "cases", list);
	for (size_t i = 0; !r && i < b->suite->cases_n; i++) {
		const struct bench_case *c = &b->suite->cases[i];
		json_t *tree;

		if (!bench_asked(b->result, c->name))
			continue;
		tree = json_pack("{s:s,s:s,s:o,s:o}", "name", c->name, "kind", c->kind,
				 "settings", words_json(c->settings), "load",
				 words_json(c->load));
		json_array_append_new(list, tree);
		r = case_prepare(b, c, tree, err);
		missing += json_object_get(tree, "reason") != NULL;
	}
	if (missing)
		log_info("%s: %zu of %zu cases are not measured; the report says why",
			 b->suite->name, missing, json_array_size(list));
	return r;
}
