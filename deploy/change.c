/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the order of a change in service, and what becomes of one that is cut short. */
#include "deploy/change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/blade.h"
#include "deploy/renew.h"
#include "deploy/scenario.h"
#include "deploy/state.h"
#include "deploy/steps.h"
#include "deploy/supervisor.h"
#include "helpers/cleanup.h"
#include "helpers/fault.h"
#include "helpers/log.h"

/* While PHASE_MAKE is recorded everything can be taken back; then it is finished. */
#define PHASE_MAKE   "make"
#define PHASE_COMMIT "commit"

static int change_record(struct change *c, const char *phase, struct error *err)
{
	_cleanup_text_ struct text text = { 0 };
	json_t *record;
	int r;

	config_write(&c->to->config, false, &text);
	record = json_pack("{s:s,s:s}", "phase", phase, "config", text.text);
	r = fault_point("record", "change-" CHANGE_RECORD, err);
	if (!r)
		r = journal_begin(c->journal, CHANGE_RECORD, record, err);
	json_decref(record);
	return r;
}

int change_leaving(struct step_context *from, struct step_context *to, struct error *err)
{
	struct ports before = from->tc.leaving;
	int r = ports_combine(&before, &from->tc.ports, &to->tc.ports, &to->tc.leaving,
			      err);

	if (!r)
		r = ports_combine(&before, &to->tc.ports, &from->tc.ports,
				  &from->tc.leaving, err);
	return r < 0 ? error_wrap(err, "service.ports with those that leave") : 0;
}

static bool change_renews(const struct change *c)
{
	return renew_differs(c->from, c->to) && !renew_obstacle(c->from, c->to);
}

static int change_prepare(struct change *c, struct error *err)
{
	int r;

	fault_point("before", "change-prepare", err);
	r = fault_point("fail", "change-prepare", err);
	if (!r)
		r = supervisor_prepare(c->to, &c->next, err);
	if (!r)
		r = fault_point("partial", "change-prepare", err);
	fault_point("after", "change-prepare", err);
	return r;
}

/* Of instances that were left beside the present ones: these and those give way. */
static int change_replace(struct change *c, const struct step_context *by,
			  struct error *err)
{
	int r = supervisor_prepare(by, &c->next, err);

	return r < 0 ? r : supervisor_commit(take_ptr(c->next), err);
}

/* Where the supervisor went, all generations did: another starts as `to` wants it. */
static int change_commit(struct change *c, struct error *err)
{
	int r = 0;

	fault_point("before", "change-commit", err);
	if (c->next)
		r = supervisor_commit(take_ptr(c->next), err);
	else if (state_supervisor(c->dirfd))
		r = change_replace(c, c->to, err);
	fault_point("after", "change-commit", err);
	return r;
}

/* Whether whoever began the change left instances beside the present ones. */
static bool change_left_some(const struct change *c)
{
	json_t *tree = NULL;
	bool some = false;

	if (c->resumed && !supervisor_query(c->name, &tree, &(struct error){ 0 }))
		some = json_array_size(json_object_get(tree, "next")) > 0;
	json_decref(tree);
	return some;
}

static int change_abort(struct change *c, struct error *err)
{
	if (c->next)
		return supervisor_abort(take_ptr(c->next), err);
	return change_left_some(c) ? change_replace(c, c->from, err) : 0;
}

/* Where none of the next instances can stand beside the present ones. */
static int change_restart(const struct step_context *to, struct error *err)
{
	json_t *record = NULL;
	int r = supervisor_record(to, &record, err);

	if (!r)
		r = supervisor_undo(record, err);
	json_decref(record);
	return r < 0 ? r : supervisor_start(to, err);
}

int change_proxy(const struct step_context *to, struct error *err)
{
	struct change *c = to->change;

	if (renew_obstacle(c->from, c->to))
		return change_restart(to, err);
	if (to == c->to)
		return supervisor_map(c->next, err);
	/* Its program stands again before the rule that the other scenario has goes. */
	return to->config.scenario == SCENARIO_SK_LOOKUP ? change_abort(c, err) : 0;
}

static int change_forward(struct change *c, struct error *err)
{
	int r = change_renews(c) ? change_prepare(c, err) : 0;

	if (!r)
		r = steps_change(&deploy_steps, c->from, c->to, c->journal, err);
	/* The former scenario's own rules are gone by now: who has hooks is a stranger.
	 */
	return r < 0 ? r : scenario_verify(c->to, err);
}

/* What `from` needs stands again before the next instances go. */
static int change_backward(struct change *c, struct error *err)
{
	int r = steps_back(&deploy_steps, c->from, c->to, c->journal, err);

	if (!r && change_renews(c))
		r = change_abort(c, err);
	if (!r)
		r = state_leaving_write(c->dirfd, &c->from->tc.leaving, err);
	return r < 0 ? r : journal_undone(c->journal, CHANGE_RECORD, err);
}

static int change_store(struct change *c, struct error *err)
{
	_cleanup_text_ struct text text = { 0 };
	int r = state_leaving_write(c->dirfd, &c->to->tc.leaving, err);

	config_write(&c->to->config, false, &text);
	return r < 0 ? r : state_write(c->dirfd, BLADE_CONFIG, text.text, err);
}

/* From here on it is finished rather than taken back. Idempotent. */
static int change_finish(struct change *c, struct error *err)
{
	int r = change_renews(c) ? change_commit(c, err) : 0;

	if (!r)
		r = change_store(c, err);
	if (!r)
		r = journal_undone(c->journal, CHANGE_RECORD, err);
	return r < 0 ? error_wrap(err, "the next configuration serves, but its change is "
				       "not finished (run `hapep up`)")
		     : 0;
}

static int change_take_back(struct change *c, bool *incomplete, struct error *err)
{
	struct error again = { 0 };
	size_t used = strlen(err->msg);

	*incomplete = change_backward(c, &again) < 0;
	if (*incomplete)
		snprintf(err->msg + used, sizeof(err->msg) - used,
			 "; taking it back failed too (`hapep up` or `hapep down` try "
			 "again): %.500s",
			 again.msg);
	return -err->code;
}

static void change_enter(struct change *c)
{
	c->from->change = c->to->change = c;
}

int change_make(struct change *c, bool *incomplete, struct error *err)
{
	int r = change_leaving(c->from, c->to, err);

	*incomplete = false;
	change_enter(c);
	if (!r)
		r = change_record(c, PHASE_MAKE, err);
	if (r < 0)
		return r;
	r = change_forward(c, err);
	if (!r)
		r = fault_point("fail", "change-commit", err);
	if (!r)
		r = change_record(c, PHASE_COMMIT, err);
	if (r < 0)
		return change_take_back(c, incomplete, err);
	return change_finish(c, err);
}

/* The plan of a change that was cut short, as its record has it. */
static int change_recall(const char *name, const json_t *record, struct step_context *out,
			 struct error *err)
{
	const char *text = json_string_value(json_object_get(record, "config"));
	_cleanup_text_ struct text faults = { 0 };
	struct config config;

	if (!text || config_parse("the change", text, strlen(text), &config, &faults) < 0)
		return error_say(err, EBADMSG,
				 "the journal's record of a change is damaged: `hapep "
				 "down` takes the blade out of service%s%s",
				 faults.length ? ": " : "",
				 faults.length ? faults.text : "");
	return plan_recall(name, &config, out, err);
}

static int change_resume(struct change *c, const json_t *record, struct error *err)
{
	const char *phase = json_string_value(json_object_get(record, "phase"));
	int r = change_leaving(c->from, c->to, err);

	if (r < 0)
		return r;
	change_enter(c);
	c->resumed = true;
	if (phase && !strcmp(phase, PHASE_COMMIT)) {
		log_warning("a change that was cut short is finished");
		return change_finish(c, err);
	}
	log_warning("a change that was cut short is taken back");
	return change_backward(c, err);
}

int change_resolve(const char *name, int dirfd, struct journal *journal, bool *resolved,
		   struct error *err)
{
	const json_t *record = journal_find(journal, CHANGE_RECORD);
	struct step_context from, to;
	struct change c = {
		.name = name, .dirfd = dirfd, .journal = journal, .from = &from, .to = &to
	};
	struct config stored;
	int r;

	*resolved = record != NULL;
	if (!record)
		return 0;
	r = blade_config(name, &stored, err);
	if (!r)
		r = plan_recall(name, &stored, &from, err);
	if (!r)
		r = change_recall(name, record, &to, err);
	if (!r)
		r = supervisor_replace(name, err);
	if (!r)
		r = change_resume(&c, record, err);
	return r < 0 ? error_wrap(err, "a change that was cut short") : 0;
}

int change_forget(struct journal *journal, struct error *err)
{
	return journal_find(journal, CHANGE_RECORD)
		       ? journal_undone(journal, CHANGE_RECORD, err)
		       : 0;
}

/* Under the blade's lock. */
static int change_settle_at(const char *name, int dirfd, struct error *err)
{
	_cleanup_journal_ struct journal *journal = NULL;
	struct step_context plan;
	struct config stored;
	int r = state_journal(name, dirfd, false, &journal, err);

	if (!r && journal_find(journal, CHANGE_RECORD))
		return -EBUSY;
	if (!r)
		r = blade_config(name, &stored, err);
	if (!r)
		r = plan_recall(name, &stored, &plan, err);
	if (r < 0)
		return r;
	plan.tc.leaving = (struct ports){ .n = 0 };
	r = tc_inner_apply(&plan.tc, err);
	return r < 0 ? r : state_leaving_write(dirfd, &plan.tc.leaving, err);
}

int change_settle(const char *name, struct error *err)
{
	_cleanup_close_ int dirfd = -1;
	char text[PORTS_TEXT_SIZE];
	struct ports leaving;
	int r = state_leaving_read(name, &leaving, err);

	if (r < 0 || !leaving.n)
		return r;
	dirfd = state_open(name, false, true, err);
	if (dirfd < 0)
		return dirfd;
	r = change_settle_at(name, dirfd, err);
	if (!r)
		log_info("no connection of the former instances is left: ports %s are "
			 "the service's no more",
			 ports_format(&leaving, text, sizeof(text)));
	return r;
}
