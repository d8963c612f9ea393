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

static bool change_renews(struct change *c)
{
	return renew_differs(c->from, c->to) && !renew_obstacle(c->from, c->to);
}

/* The instances of one plan beside those of another: not what this version can do. */
static int change_prepare(struct change *c, struct error *err)
{
	(void)c;
	return error_say(err, EEXIST,
			 "this change takes other instances, which this version cannot "
			 "start beside the present ones: run `hapep down` first");
}

/* A part that is no step of the table, with a step's faults. */
static int change_part(struct change *c, const char *name,
		       int (*part)(struct change *c, struct error *err),
		       struct error *err)
{
	int r;

	fault_point("before", name, err);
	r = fault_point("fail", name, err);
	if (!r)
		r = part(c, err);
	if (!r)
		r = fault_point("partial", name, err);
	fault_point("after", name, err);
	return r;
}

static int change_forward(struct change *c, struct error *err)
{
	int r = 0;

	if (change_renews(c))
		r = change_part(c, "change-prepare", change_prepare, err);
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

	return r < 0 ? r : journal_undone(c->journal, CHANGE_RECORD, err);
}

static int change_store(struct change *c, struct error *err)
{
	_cleanup_text_ struct text text = { 0 };

	config_write(&c->to->config, false, &text);
	return state_write(c->dirfd, BLADE_CONFIG, text.text, err);
}

/* From here on it is finished rather than taken back. Idempotent. */
static int change_finish(struct change *c, struct error *err)
{
	int r = change_store(c, err);

	return r < 0 ? r : journal_undone(c->journal, CHANGE_RECORD, err);
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

int change_make(struct change *c, bool *incomplete, struct error *err)
{
	int r = change_record(c, PHASE_MAKE, err);

	*incomplete = false;
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

int change_resolve(const char *name, int dirfd, struct journal *journal, bool *resolved,
		   struct error *err)
{
	const json_t *record = journal_find(journal, CHANGE_RECORD);
	struct step_context from, to;
	struct change c = { name, dirfd, journal, &from, &to };
	struct config stored;
	const char *phase;
	int r;

	*resolved = record != NULL;
	if (!record)
		return 0;
	phase = json_string_value(json_object_get(record, "phase"));
	r = blade_config(name, &stored, err);
	if (!r)
		r = plan_recall(name, &stored, &from, err);
	if (!r)
		r = change_recall(name, record, &to, err);
	if (r < 0)
		return r;
	if (phase && !strcmp(phase, PHASE_COMMIT)) {
		log_warning("a change that was cut short is finished");
		r = change_finish(&c, err);
	} else {
		log_warning("a change that was cut short is taken back");
		r = change_backward(&c, err);
	}
	return r < 0 ? error_wrap(err, "a change that was cut short") : 0;
}

int change_forget(struct journal *journal, struct error *err)
{
	return journal_find(journal, CHANGE_RECORD)
		       ? journal_undone(journal, CHANGE_RECORD, err)
		       : 0;
}
