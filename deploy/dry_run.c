/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns --dry-run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/dry_run.h"
#include "deploy/plan.h"
#include "deploy/preflight.h"
#include "deploy/scenario.h"
#include "deploy/state.h"
#include "deploy/steps.h"
#include "helpers/cleanup.h"
#include "helpers/writer.h"

/* The journal of a blade that is up; *out stays NULL where there is none. */
static int dry_run_journal(const char *name, struct journal **out, struct error *err)
{
	_cleanup_close_ int dirfd = state_open(name, false, false, err);

	*out = NULL;
	if (dirfd == -ENOENT)
		return 0;
	return dirfd < 0 ? dirfd : journal_open(dirfd, false, out, err);
}

/* As `hapep rss plan` prints it, in comment lines. */
static void dry_run_placement(const struct placement *p)
{
	_cleanup_text_ struct text table = { 0 };
	json_t *tree = placement_tree(p, NULL);
	char *rest, *line;

	writer_text(tree, &table);
	json_decref(tree);
	for (line = strtok_r(table.text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		printf("# %s\n", line);
}

int dry_run_up(struct invocation *in, const struct config *config, const char *group,
	       struct error *err)
{
	_cleanup_journal_ struct journal *journal = NULL;
	_cleanup_text_ struct text lines = { 0 };
	struct step_context plan;
	int r = dry_run_journal(in->name, &journal, err);
	bool ours = journal && journal_count(journal);

	if (!r)
		r = plan_make(in->name, config, &plan, err);
	if (!r)
		r = preflight_check(&plan, ours, err);
	if (r < 0)
		return r;
	printf("# blade '%s', scenario %s, datapath %s (%s)\n", in->name,
	       scenario_name(plan.config.scenario), tc_datapath_name(plan.tc.datapath),
	       plan.datapath_reason);
	if (ours)
		printf("# it is up: only steps that are missing would be applied\n");
	if (!group || !strcmp(group, GROUP_RSS))
		dry_run_placement(&plan.placement);
	steps_describe(&deploy_steps, &plan, group, &lines);
	fputs(lines.text ? lines.text : "", stdout);
	return EXIT_DONE;
}

int dry_run_down(struct invocation *in, const char *group, struct error *err)
{
	_cleanup_journal_ struct journal *journal = NULL;
	int r = dry_run_journal(in->name, &journal, err);

	if (r < 0)
		return r;
	if (!journal || !journal_count(journal))
		printf("# blade '%s' is down: nothing to undo\n", in->name);
	for (size_t i = deploy_steps.n; i-- > 0;) {
		const struct step *s = &deploy_steps.steps[i];
		json_t *record = journal ? journal_find(journal, s->name) : NULL;
		char *text;

		if (!record || (group && strcmp(group, s->group)))
			continue;
		text = json_dumps(record, JSON_COMPACT);
		printf("undo %-17s %s %s\n", s->name, s->summary,
		       s->undo ? text : "(goes with the namespace)");
		free(text);
	}
	return EXIT_DONE;
}
