/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns walking a table of steps forward and back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helpers/fault.h"
#include "helpers/log.h"
#include "helpers/step_walk.h"

const char *step_state_name(enum step_state state)
{
	static const char *const names[] = { "absent", "present", "differs" };

	return names[state];
}

const struct step *step_find(const struct step_table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!strcmp(t->steps[i].name, name))
			return &t->steps[i];
	}
	return NULL;
}

bool step_wanted(const struct step *s, const struct step_context *c, const char *group)
{
	if (group && strcmp(group, s->group))
		return false;
	return !s->wanted || s->wanted(c);
}

static int step_journal(const struct step *s, const struct step_context *c,
			const char *fault, struct journal *j, struct error *err)
{
	json_t *record = NULL;
	int r = 0;

	/* A step that is applied again keeps its first record: the prior values. */
	if (journal_find(j, s->name) && !s->record_made)
		return 0;
	if (s->record)
		r = s->record(c, &record, err);
	if (!r)
		r = fault_point("record", fault, err);
	if (!r)
		r = journal_begin(j, s->name, record, err);
	json_decref(record);
	return r;
}

int step_do(const struct step *s, const char *fault, const struct step_context *from,
	    const struct step_context *to, struct journal *j, struct error *err)
{
	int r = step_journal(s, to, fault, j, err);

	if (r < 0)
		return r;
	log_debug("%s: %s", s->name, s->summary);
	fault_point("before", fault, err);
	r = fault_point("fail", fault, err);
	if (!r)
		r = from ? s->change(from, to, err) : s->apply(to, err);
	if (!r)
		r = fault_point("partial", fault, err);
	fault_point("after", fault, err);
	return r;
}

int step_undo(const struct step *s, const char *fault, struct journal *j,
	      struct error *err)
{
	json_t *record = journal_find(j, s->name);
	int r = 0;

	if (!record)
		return 0;
	fault_point("undo", fault, err);
	log_debug("%s: undo", s->name);
	if (s->undo)
		r = s->undo(record, err);
	if (r < 0)
		return r;
	return journal_undone(j, s->name, err);
}

/* Undoes the steps flagged in done, newest first; reports what it cannot. */
static bool steps_unwind(const struct step_table *t, const bool *done, struct journal *j,
			 struct error *err)
{
	struct error again = { 0 };
	bool whole = true;
	size_t used;

	for (size_t i = t->n; i-- > 0;) {
		if (!done[i] || step_undo(&t->steps[i], t->steps[i].name, j, &again) >= 0)
			continue;
		whole = false;
		used = strlen(err->msg);
		snprintf(err->msg + used, sizeof(err->msg) - used,
			 "; undoing '%s' failed too: %.500s", t->steps[i].name,
			 again.msg);
	}
	return whole;
}

static int step_converge(const struct step *s, const struct step_context *c,
			 struct journal *j, bool *changed, struct error *err)
{
	enum step_state state = STEP_ABSENT;
	struct text detail = { 0 };
	int r = 0;

	*changed = false;
	if (s->probe)
		r = s->probe(c, &state, &detail, err);
	text_free(&detail);
	if (r < 0)
		return r;
	if (state == STEP_PRESENT && journal_find(j, s->name))
		return 0;
	*changed = true;
	return step_do(s, s->name, NULL, c, j, err);
}

int steps_up(const struct step_table *t, const struct step_context *c, const char *group,
	     struct journal *j, size_t *applied, bool *incomplete, struct error *err)
{
	bool done[64] = { false };
	size_t count = 0;
	int r = 0;

	if (t->n > sizeof(done) / sizeof(done[0]))
		return error_say(err, E2BIG, "more steps than the walker holds");
	*incomplete = false;
	for (size_t i = 0; i < t->n && !r; i++) {
		const struct step *s = &t->steps[i];

		if (!step_wanted(s, c, group))
			continue;
		r = step_converge(s, c, j, &done[i], err);
		if (r < 0)
			error_wrap(err, "%s", s->name);
		count += done[i];
	}
	if (r < 0)
		*incomplete = !steps_unwind(t, done, j, err);
	if (applied)
		*applied = count;
	return r;
}

int steps_down(const struct step_table *t, const char *group, struct journal *j,
	       struct error *err)
{
	struct error one = { 0 };
	struct text remain = { 0 };
	int first = 0;

	for (size_t i = t->n; i-- > 0;) {
		const struct step *s = &t->steps[i];
		int r;

		if (group && strcmp(group, s->group))
			continue;
		r = step_undo(s, s->name, j, &one);
		if (r >= 0)
			continue;
		first = first ? first : r;
		text_add(&remain, "%s%s (%s)", remain.length ? "; " : "", s->name,
			 one.msg);
	}
	for (size_t i = 0; !group && i < journal_count(j); i++) {
		if (step_find(t, journal_name(j, i)))
			continue;
		first = first ? first : -ENOSYS;
		text_add(&remain, "%s%s (this version has no such step)",
			 remain.length ? "; " : "", journal_name(j, i));
	}
	if (first)
		error_say(err, -first, "not undone: %s", remain.text);
	text_free(&remain);
	return first;
}

void steps_describe(const struct step_table *t, const struct step_context *c,
		    const char *group, struct text *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct step *s = &t->steps[i];

		if (!step_wanted(s, c, group))
			continue;
		text_line(out, "# %s: %s", s->name, s->summary);
		if (s->describe)
			s->describe(c, out);
	}
}
