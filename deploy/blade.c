/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns bringing a blade up and down: lock, journal, preflight, steps. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "deploy/blade.h"
#include "deploy/change.h"
#include "deploy/handover.h"
#include "deploy/preflight.h"
#include "deploy/state.h"
#include "deploy/steps.h"
#include "deploy/supervisor.h"
#include "helpers/cleanup.h"
#include "helpers/journal.h"
#include "helpers/log.h"

static double blade_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int blade_read(int dirfd, const char *file, struct config *out, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text faults = { 0 };
	int r = state_read(dirfd, file, &text, err);

	if (r < 0)
		return r;
	r = config_parse("the blade's stored configuration", text, strlen(text), out,
			 &faults);
	return r < 0 ? error_say(err, EBADMSG, "%s", faults.text) : 0;
}

int blade_config(const char *name, struct config *out, struct error *err)
{
	_cleanup_close_ int dirfd = state_open(name, false, false, err);

	return dirfd < 0 ? dirfd : blade_read(dirfd, BLADE_CONFIG, out, err);
}

int blade_wanted(const char *name, struct config *out, struct error *err)
{
	_cleanup_close_ int dirfd = state_open(name, false, false, err);

	return dirfd < 0 ? dirfd : blade_read(dirfd, BLADE_WANTED, out, err);
}

static int blade_store(int dirfd, const char *file, const struct config *config,
		       struct error *err)
{
	_cleanup_text_ struct text text = { 0 };

	config_write(config, false, &text);
	return state_write(dirfd, file, text.text, err);
}

/* A blade that is up: what is auto stays what was found for it. */
static int blade_plan(const char *name, const struct config *wanted,
		      const struct config *before, const struct config *running,
		      struct step_context *out, struct error *err)
{
	struct config settled = *wanted;

	config_settle(&settled, before, running);
	return plan_make(name, &settled, out, err);
}

int blade_foresee(const char *name, const struct config *wanted,
		  struct step_context *from, struct step_context *to, struct error *err)
{
	struct config running, before;
	int r = blade_config(name, &running, err);

	if (!r)
		r = blade_wanted(name, &before, err);
	if (!r)
		r = plan_recall(name, &running, from, err);
	if (!r)
		r = blade_plan(name, wanted, &before, &running, to, err);
	return r < 0 ? r : change_leaving(from, to, err);
}

#define LOCK_TRIES 15 /* 20 ms apart */

/* The supervisor holds the lock for a moment when a change has come to its end. */
int blade_lock(const char *name, bool create, struct error *err)
{
	const struct timespec nap = { .tv_nsec = 20000000 };
	int r = state_open(name, create, true, err);

	for (int i = 0; i < LOCK_TRIES && r == -EBUSY; i++) {
		nanosleep(&nap, NULL);
		r = state_open(name, create, true, err);
	}
	return r;
}

/* One call on one blade, which it has locked. */
struct blade {
	const char *name;
	int dirfd;
	struct journal *journal;
	struct blade_change *change;
};

static int blade_open(struct blade *b, bool create, struct error *err)
{
	int r = preflight_privileges(err);

	if (r < 0)
		return r;
	b->dirfd = blade_lock(b->name, create, err);
	if (b->dirfd < 0)
		return b->dirfd;
	return state_journal(b->name, b->dirfd, true, &b->journal, err);
}

static void blade_close(struct blade *b)
{
	struct error later = { 0 };

	if (b->journal && !journal_count(b->journal) &&
	    state_remove(b->name, b->dirfd, &later) < 0)
		log_warning("%s", later.msg);
	journal_close(b->journal);
	cleanup_close(&b->dirfd);
}

/* Before anything else is changed: where that fails there is nothing to take back. */
static int blade_apply(const struct blade *b, const struct step_context *plan,
		       const char *group, struct error *err)
{
	bool proxy = !group || !strcmp(group, GROUP_HAPROXY);
	int r = proxy ? supervisor_replace(b->name, err) : 0;

	if (r < 0)
		return r;
	return steps_up(&deploy_steps, plan, group, b->journal, &b->change->applied,
			&b->change->incomplete, err);
}

/* What was asked for and is not so, as a warning; the rest where each step is told. */
static void blade_say(const struct placement *p)
{
	for (unsigned int i = 0; i < p->notes; i++) {
		if (p->note[i].warning)
			log_warning("%s", p->note[i].text);
		else
			log_debug("%s", p->note[i].text);
	}
}

static int blade_first(const struct blade *b, const struct config *wanted,
		       const char *group, struct error *err)
{
	struct step_context plan;
	int r = plan_make(b->name, wanted, &plan, err);

	if (!r)
		r = preflight_check(&plan, PREFLIGHT_FIRST, err);
	if (!r)
		r = blade_store(b->dirfd, BLADE_WANTED, wanted, err);
	if (!r)
		r = blade_store(b->dirfd, BLADE_CONFIG, &plan.config, err);
	if (r < 0)
		return r;
	blade_say(&plan.placement);
	return blade_apply(b, &plan, group, err);
}

/* What differs; the plan in service is whole again first, so that it can be left. */
static int blade_replan(const struct blade *b, struct step_context *from,
			struct step_context *to, const char *group, struct error *err)
{
	struct change c = { .name = b->name,
			    .dirfd = b->dirfd,
			    .journal = b->journal,
			    .from = from,
			    .to = to };
	int r;

	if (group)
		return error_say(err, EEXIST,
				 "the blade is up with another configuration (%.800s): "
				 "`hapep up` changes it",
				 b->change->differs.text);
	r = preflight_check(to, PREFLIGHT_CHANGE, err);
	if (!r)
		r = blade_apply(b, from, NULL, err);
	if (!r)
		r = change_make(&c, &b->change->incomplete, err);
	return r < 0 ? error_wrap(err, "%.800s", b->change->differs.text) : 0;
}

static void blade_add_difference(const struct config_change *c, void *arg)
{
	struct text *out = arg;

	text_add(out, "%s%s.%s = %s -> %s", out->length ? "; " : "", c->section, c->key,
		 c->from, c->to);
}

static int blade_again(const struct blade *b, const struct config *wanted,
		       const char *group, struct error *err)
{
	struct step_context from, to;
	struct config running, before;
	int r = blade_read(b->dirfd, BLADE_CONFIG, &running, err);

	b->change->converged = true;
	if (!r)
		r = blade_read(b->dirfd, BLADE_WANTED, &before, err);
	if (!r)
		r = blade_plan(b->name, wanted, &before, &running, &to, err);
	if (r < 0)
		return r;
	config_compare(&running, &to.config, blade_add_difference, &b->change->differs);
	if (!b->change->differs.length) {
		r = preflight_check(&to, PREFLIGHT_AGAIN, err);
		if (!r)
			r = blade_apply(b, &to, group, err);
	} else {
		blade_say(&to.placement);
		r = plan_recall(b->name, &running, &from, err);
		if (!r)
			r = blade_replan(b, &from, &to, group, err);
	}
	return r < 0 ? r : blade_store(b->dirfd, BLADE_WANTED, wanted, err);
}

int blade_up(const char *name, const struct config *config, const char *group,
	     struct blade_change *change, struct error *err)
{
	struct blade b = { .name = name, .dirfd = -1, .change = change };
	double start = blade_clock();
	int r;

	*change = (struct blade_change){ 0 };
	r = blade_open(&b, true, err);
	if (!r)
		r = change_resolve(name, b.dirfd, b.journal, &change->resolved, err);
	if (!r && journal_count(b.journal))
		r = blade_again(&b, config, group, err);
	else if (!r)
		r = blade_first(&b, config, group, err);
	change->seconds = blade_clock() - start;
	blade_close(&b);
	return r;
}

int blade_switch(const char *name, int scenario, int engine, struct blade_change *change,
		 struct error *err)
{
	struct blade b = { .name = name, .dirfd = -1, .change = change };
	double start = blade_clock();
	struct config wanted;
	int r;

	*change = (struct blade_change){ 0 };
	r = blade_open(&b, false, err);
	if (!r)
		r = change_resolve(name, b.dirfd, b.journal, &change->resolved, err);
	if (!r)
		r = blade_read(b.dirfd, BLADE_WANTED, &wanted, err);
	if (!r) {
		wanted.scenario = scenario;
		wanted.engine = engine < 0 ? wanted.engine : engine;
		r = blade_again(&b, &wanted, NULL, err);
	}
	change->seconds = blade_clock() - start;
	blade_close(&b);
	return r;
}

int blade_down(const char *name, const char *group, struct error *err)
{
	_cleanup_journal_ struct journal *journal = NULL;
	_cleanup_close_ int dirfd = blade_lock(name, false, err);
	const struct step *proxy = step_find(&deploy_steps, "proxy");
	json_t *record;
	int r;

	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : dirfd;
	r = state_journal(name, dirfd, true, &journal, err);
	if (!r && !group)
		r = change_forget(journal, err);
	if (!r)
		r = handover_make(name, group, journal, err);
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
