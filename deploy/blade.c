/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns bringing a blade up and down: lock, journal, preflight, steps. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "deploy/blade.h"
#include "deploy/preflight.h"
#include "deploy/state.h"
#include "deploy/steps.h"
#include "helpers/cleanup.h"
#include "helpers/journal.h"
#include "helpers/log.h"

static double blade_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int blade_config_at(int dirfd, struct config *out, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text faults = { 0 };
	int r = state_read(dirfd, BLADE_CONFIG, &text, err);

	if (r < 0)
		return r;
	r = config_parse("the blade's stored configuration", text, strlen(text), out,
			 &faults);
	return r < 0 ? error_say(err, EBADMSG, "%s", faults.text) : 0;
}

int blade_config(const char *name, struct config *out, struct error *err)
{
	_cleanup_close_ int dirfd = state_open(name, false, false, err);

	return dirfd < 0 ? dirfd : blade_config_at(dirfd, out, err);
}

static int blade_store(int dirfd, const struct config *config, struct error *err)
{
	_cleanup_text_ struct text text = { 0 };

	config_write(config, false, &text);
	return state_write(dirfd, BLADE_CONFIG, text.text, err);
}

/* A blade that is up keeps its configuration: another one is not this call's to take. */
static int blade_same(int dirfd, const struct config *wanted, struct error *err)
{
	struct config stored;
	_cleanup_text_ struct text differs = { 0 };
	int r = blade_config_at(dirfd, &stored, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	config_difference(&stored, wanted, &differs);
	if (!differs.length)
		return 0;
	return error_say(err, EEXIST,
			 "the blade is up with another configuration (%.800s): run "
			 "`hapep down` first",
			 differs.text);
}

static int blade_walk(const struct step_context *plan, const char *group, int dirfd,
		      struct journal *journal, struct blade_change *change,
		      struct error *err)
{
	bool ours = journal_count(journal) > 0;
	int r = 0;

	change->converged = ours;
	if (ours)
		r = blade_same(dirfd, &plan->config, err);
	if (!r)
		r = preflight_check(plan, ours, err);
	if (!r)
		r = blade_store(dirfd, &plan->config, err);
	if (!r)
		r = steps_up(&deploy_steps, plan, group, journal, &change->applied,
			     &change->incomplete, err);
	return r;
}

int blade_up(const char *name, const struct config *config, const char *group,
	     struct blade_change *change, struct error *err)
{
	_cleanup_journal_ struct journal *journal = NULL;
	_cleanup_close_ int dirfd = -1;
	struct error later = { 0 };
	struct step_context plan;
	double start = blade_clock();
	int r;

	*change = (struct blade_change){ 0 };
	r = plan_make(name, config, &plan, err);
	if (r < 0)
		return r;
	dirfd = state_open(name, true, true, err);
	if (dirfd < 0)
		return dirfd;
	r = journal_open(dirfd, true, &journal, err);
	if (!r)
		r = blade_walk(&plan, group, dirfd, journal, change, err);
	change->seconds = blade_clock() - start;
	if (journal && !journal_count(journal) && state_remove(name, dirfd, &later) < 0)
		log_warning("%s", later.msg);
	return r;
}

int blade_down(const char *name, const char *group, struct error *err)
{
	_cleanup_journal_ struct journal *journal = NULL;
	_cleanup_close_ int dirfd = state_open(name, false, true, err);
	const struct step *proxy = step_find(&deploy_steps, "proxy");
	json_t *record;
	int r;

	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : dirfd;
	r = journal_open(dirfd, true, &journal, err);
	if (r < 0)
		return r;
	/*
	 * The instances end while the redirects still stand: so the FIN and RST of
	 * their connections reach both sides.
	 */
	record = journal_find(journal, proxy->name);
	if (record && (!group || !strcmp(group, proxy->group))) {
		r = proxy->undo(record, err);
		if (r < 0)
			return r;
	}
	r = steps_down(&deploy_steps, group, journal, err);
	if (r < 0 || journal_count(journal))
		return r;
	return state_remove(name, dirfd, err);
}
