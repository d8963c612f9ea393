/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns --dry-run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/blade.h"
#include "deploy/change.h"
#include "deploy/dry_run.h"
#include "deploy/effect.h"
#include "deploy/handover.h"
#include "deploy/plan.h"
#include "deploy/preflight.h"
#include "deploy/scenario.h"
#include "deploy/state.h"
#include "deploy/steps.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/writer.h"

/* The journal of a blade that is up; *out stays NULL where there is none. */
static int dry_run_journal(const char *name, struct journal **out, struct error *err)
{
	_cleanup_close_ int dirfd = state_open(name, false, false, err);

	*out = NULL;
	if (dirfd == -ENOENT)
		return 0;
	return dirfd < 0 ? dirfd : state_journal(name, dirfd, false, out, err);
}

/* As `hapep rss plan` prints it, in comment lines. */
static int dry_run_placement(const struct placement *p, struct error *err)
{
	_cleanup_text_ struct text table = { 0 };
	int irq[SIDES * CONFIG_QUEUES_MAX];
	char *rest, *line;
	json_t *tree;
	int r = placement_irqs(p, irq, err);

	if (r < 0)
		return r;
	tree = placement_tree(p, irq);
	writer_text(tree, &table);
	json_decref(tree);
	for (line = strtok_r(table.text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		printf("#   %s\n", line);
	return 0;
}

struct dry_run_keys {
	json_t *list;
	bool queues; /* the interfaces' are set anew */
};

/* Interrupts, queue discipline and steering lose nothing when they are told anew. */
static bool dry_run_queues(const struct step_context *from, const struct step_context *to)
{
	static const char *const last[] = { "-channels", "-fields", "-rss" };
	bool anew = false;

	for (size_t i = 0; i < deploy_steps.n; i++) {
		const struct step *s = &deploy_steps.steps[i];
		enum step_move move = step_move(s, from, to);

		for (size_t k = 0; k < 3 && move != STEP_STAYS; k++)
			anew = anew ||
			       (!strcmp(s->group, GROUP_RSS) && strstr(s->name, last[k]));
	}
	return anew;
}

static void dry_run_key(const struct config_change *c, void *arg)
{
	const struct dry_run_keys *keys = arg;
	_cleanup_free_ char *key = memory_printf("%s.%s", c->section, c->key);
	bool interrupts = false;
	const char *effect = effect_of(c, keys->queues, &interrupts);

	json_array_append_new(keys->list,
			      json_pack("{s:s,s:s,s:s,s:s,s:s}", "key", key, "from",
					c->from, "to", c->to, "interrupts",
					interrupts ? "yes" : "no", "effect",
					effect ? effect : ""));
}

static int dry_run_json(const struct invocation *in, json_t *keys,
			const struct text *lines, struct error *err)
{
	json_t *steps = json_array();
	json_t *tree = json_pack("{s:s,s:O,s:o}", "blade", in->name, "changes", keys,
				 "steps", steps);
	int r;

	for (const char *at = lines->text; at && *at;) {
		size_t n = strcspn(at, "\n");

		json_array_append_new(steps, json_stringn(at, n));
		at += n + (at[n] == '\n');
	}
	r = writer_print(tree, true, stdout);
	json_decref(tree);
	return r < 0 ? error_set(err, -r, "write the dry run") : 0;
}

static int dry_run_text(const struct invocation *in, const struct step_context *to,
			json_t *keys, const struct text *lines, struct error *err)
{
	json_t *key;
	size_t i;

	(void)err;
	printf("# blade '%s' is up; to scenario %s, datapath %s:\n", in->name,
	       scenario_name(to->config.scenario), tc_datapath_name(to->tc.datapath));
	json_array_foreach(keys, i, key)
	{
		bool interrupts = !strcmp(
			json_string_value(json_object_get(key, "interrupts")), "yes");

		printf("%s = %s -> %s: %s; %s\n",
		       json_string_value(json_object_get(key, "key")),
		       json_string_value(json_object_get(key, "from")),
		       json_string_value(json_object_get(key, "to")),
		       json_string_value(json_object_get(key, "effect")),
		       interrupts ? "INTERRUPTS" : "no interruption");
	}
	fputs(lines->text ? lines->text : "", stdout);
	return 0;
}

int dry_run_change(const struct invocation *in, const struct config *wanted,
		   bool *differs, struct error *err)
{
	_cleanup_text_ struct text lines = { 0 };
	struct step_context from, to;
	json_t *keys = json_array();
	struct dry_run_keys all = { .list = keys };
	int r = blade_foresee(in->name, wanted, &from, &to, err);

	if (!r) {
		from.version = to.version;
		all.queues = dry_run_queues(&from, &to);
		config_compare(&from.config, &to.config, dry_run_key, &all);
	}
	*differs = json_array_size(keys) > 0;
	if (!r && *differs)
		r = preflight_check(&to, PREFLIGHT_CHANGE, err);
	if (!r && (*differs || in->json)) {
		steps_change_describe(&deploy_steps, &from, &to, &lines);
		r = in->json ? dry_run_json(in, keys, &lines, err)
			     : dry_run_text(in, &to, keys, &lines, err);
	} else if (!r) {
		printf("# blade '%s' is up and nothing differs: only steps that are "
		       "missing would be applied\n",
		       in->name);
	}
	json_decref(keys);
	return r;
}

static int dry_run_first(const struct invocation *in, const struct config *config,
			 const char *group, struct error *err)
{
	_cleanup_text_ struct text lines = { 0 };
	struct step_context plan;
	int r = plan_make(in->name, config, &plan, err);

	if (!r)
		r = preflight_check(&plan, PREFLIGHT_FIRST, err);
	if (r < 0)
		return r;
	printf("# blade '%s', scenario %s, datapath %s (%s)\n", in->name,
	       scenario_name(plan.config.scenario), tc_datapath_name(plan.tc.datapath),
	       plan.datapath_reason);
	if (!group || !strcmp(group, GROUP_RSS))
		r = dry_run_placement(&plan.placement, err);
	if (r < 0)
		return r;
	steps_describe(&deploy_steps, &plan, group, &lines);
	fputs(lines.text ? lines.text : "", stdout);
	return EXIT_DONE;
}

int dry_run_up(struct invocation *in, const struct config *config, const char *group,
	       struct error *err)
{
	_cleanup_journal_ struct journal *journal = NULL;
	bool differs;
	int r = dry_run_journal(in->name, &journal, err);

	if (r < 0)
		return r;
	if (!journal || !journal_count(journal))
		return dry_run_first(in, config, group, err);
	if (journal_find(journal, CHANGE_RECORD))
		printf("# a change that was cut short would be taken back or finished "
		       "first\n");
	return dry_run_change(in, config, &differs, err);
}

/* The records of a group's steps, in the order in which they would be undone. */
static json_t *dry_run_undone(const struct journal *journal, const char *group)
{
	json_t *rows = json_array();

	for (size_t i = deploy_steps.n; journal && i-- > 0;) {
		const struct step *s = &deploy_steps.steps[i];
		json_t *record = journal_find(journal, s->name);

		if (!record || (group && strcmp(group, s->group)))
			continue;
		/* Without an undo it goes with the namespace. */
		json_array_append_new(rows, json_pack("{s:s,s:s,s:O?}", "step", s->name,
						      "summary", s->summary, "record",
						      s->undo ? record : NULL));
	}
	return rows;
}

static void dry_run_down_text(const json_t *handover, const json_t *undone)
{
	json_t *row;
	size_t i;

	json_array_foreach(handover, i, row)
	{
		char *prior = json_dumps(json_object_get(row, "prior"), JSON_COMPACT);

		printf("hand %-17s of %s to blade '%s', which puts back %s\n",
		       json_string_value(json_object_get(row, "step")),
		       json_string_value(json_object_get(row, "interface")),
		       json_string_value(json_object_get(row, "blade")), prior);
		free(prior);
	}
	json_array_foreach(undone, i, row)
	{
		json_t *record = json_object_get(row, "record");
		char *text = json_dumps(record, JSON_COMPACT | JSON_ENCODE_ANY);

		printf("undo %-17s %s %s\n",
		       json_string_value(json_object_get(row, "step")),
		       json_string_value(json_object_get(row, "summary")),
		       json_is_null(record) ? "(goes with the namespace)" : text);
		free(text);
	}
}

int dry_run_down(struct invocation *in, const char *group, struct error *err)
{
	_cleanup_journal_ struct journal *journal = NULL;
	json_t *handover = NULL, *tree;
	int r = dry_run_journal(in->name, &journal, err);

	if (!r && journal)
		r = handover_foresee(in->name, group, journal, &handover, err);
	if (r < 0)
		return r;
	tree = json_pack("{s:s,s:o,s:o}", "blade", in->name, "handover",
			 handover ? handover : json_array(), "undo",
			 dry_run_undone(journal, group));
	if (in->json)
		r = writer_print(tree, true, stdout);
	else if (!journal || !journal_count(journal))
		printf("# blade '%s' is down: nothing to undo\n", in->name);
	else
		dry_run_down_text(json_object_get(tree, "handover"),
				  json_object_get(tree, "undo"));
	json_decref(tree);
	return r < 0 ? error_set(err, -r, "write the dry run") : EXIT_DONE;
}
