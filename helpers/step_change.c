/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns walking a table of steps from what is in service to what is wanted, and back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helpers/fault.h"
#include "helpers/step_walk.h"

/* One walk. back: nothing tells how far the walk forward came. */
struct walk {
	const struct step_table *t;
	const struct step_context *from, *to;
	struct journal *j;
	bool back;
};

static void step_lines(const struct step *s, const struct step_context *c,
		       struct text *out)
{
	if (s->describe)
		s->describe(c, out);
}

static bool step_differs(const struct step *s, const struct step_context *from,
			 const struct step_context *to)
{
	_cleanup_text_ struct text a = { 0 }, b = { 0 };

	if (s->differs)
		return s->differs(from, to);
	step_lines(s, from, &a);
	step_lines(s, to, &b);
	return strcmp(a.text ? a.text : "", b.text ? b.text : "") != 0;
}

enum step_move step_move(const struct step *s, const struct step_context *from,
			 const struct step_context *to)
{
	bool had = step_wanted(s, from, NULL), wants = step_wanted(s, to, NULL);

	if (!had || !wants)
		return had ? STEP_GOES : wants ? STEP_COMES : STEP_STAYS;
	if (!step_differs(s, from, to))
		return STEP_STAYS;
	return s->change ? STEP_CHANGES : STEP_REPLACED;
}

static const char *walk_fault(const struct walk *w, const struct step *s, char name[64])
{
	snprintf(name, 64, "%s-%s", w->back ? "back" : "change", s->name);
	return name;
}

/* On the way back: the walk forward may not have come this far. */
static bool walk_untouched(const struct walk *w, const struct step *s)
{
	enum step_state state = STEP_ABSENT;
	struct text detail = { 0 };

	if (!w->back || !s->probe || !journal_find(w->j, s->name))
		return false;
	if (s->probe(w->to, &state, &detail, &(struct error){ 0 }) < 0)
		state = STEP_DIFFERS;
	text_free(&detail);
	return state == STEP_PRESENT;
}

static int walk_replace(const struct walk *w, const struct step *s, struct error *err)
{
	char fault[64];
	int r;

	if (walk_untouched(w, s))
		return 0;
	r = step_undo(s, walk_fault(w, s, fault), w->j, err);
	return r < 0 ? r : step_do(s, fault, NULL, w->to, w->j, err);
}

static int walk_make(const struct walk *w, const struct step *s, struct error *err)
{
	char fault[64];

	switch (step_move(s, w->from, w->to)) {
	case STEP_CHANGES:
		return step_do(s, walk_fault(w, s, fault), w->from, w->to, w->j, err);
	case STEP_COMES:
		return step_do(s, walk_fault(w, s, fault), NULL, w->to, w->j, err);
	case STEP_REPLACED:
		return walk_replace(w, s, err);
	default:
		return 0;
	}
}

static int walk_remove(const struct walk *w, const struct step *s, struct error *err)
{
	char fault[64];
	int r;

	if (step_move(s, w->from, w->to) != STEP_GOES)
		return 0;
	walk_fault(w, s, fault);
	r = fault_point("fail", fault, err);
	return r < 0 ? r : step_undo(s, fault, w->j, err);
}

/* Makes before it breaks: what goes does so once what comes stands. */
static int walk(const struct walk *w, struct error *err)
{
	struct error later = { 0 };
	size_t n = w->t->n;
	int first = 0;

	for (size_t i = 0; i < 2 * n && (!first || w->back); i++) {
		const struct step *s = &w->t->steps[i < n ? i : 2 * n - 1 - i];
		struct error *e = first ? &later : err;
		int r = i < n ? walk_make(w, s, e) : walk_remove(w, s, e);

		if (r < 0 && !first)
			first = error_wrap(err, "%s", s->name);
	}
	return first;
}

int steps_change(const struct step_table *t, const struct step_context *from,
		 const struct step_context *to, struct journal *j, struct error *err)
{
	struct walk w = { t, from, to, j, false };

	return walk(&w, err);
}

int steps_back(const struct step_table *t, const struct step_context *from,
	       const struct step_context *to, struct journal *j, struct error *err)
{
	struct walk w = { t, to, from, j, true };

	return walk(&w, err);
}

static bool lines_have(const char *lines, const char *line, size_t n)
{
	for (const char *at = lines; at && *at;) {
		size_t length = strcspn(at, "\n");

		if (length == n && !memcmp(at, line, n))
			return true;
		at += length + (at[length] == '\n');
	}
	return false;
}

/* The lines of `lines` that `others` lacks. */
static void lines_only(const char *lines, const char *others, char sign, struct text *out)
{
	for (const char *at = lines; at && *at;) {
		size_t n = strcspn(at, "\n");

		if (n && !lines_have(others, at, n))
			text_line(out, "%c %.*s", sign, (int)n, at);
		at += n + (at[n] == '\n');
	}
}

void steps_change_describe(const struct step_table *t, const struct step_context *from,
			   const struct step_context *to, struct text *out)
{
	static const char *const words[] = {
		[STEP_CHANGES] = "changes in place",
		[STEP_COMES] = "comes",
		[STEP_GOES] = "goes",
		[STEP_REPLACED] = "is undone and applied anew",
	};

	for (size_t i = 0; i < t->n; i++) {
		const struct step *s = &t->steps[i];
		enum step_move move = step_move(s, from, to);
		_cleanup_text_ struct text a = { 0 }, b = { 0 };

		if (move == STEP_STAYS)
			continue;
		text_line(out, "# %s %s: %s", s->name, words[move], s->summary);
		if (move != STEP_COMES)
			step_lines(s, from, &a);
		if (move != STEP_GOES)
			step_lines(s, to, &b);
		lines_only(a.text, b.text, '-', out);
		lines_only(b.text, a.text, '+', out);
	}
}
