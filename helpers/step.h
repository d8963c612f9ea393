/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps: everything that changes the system, each with its probe, its undo, its words. */
#ifndef HELPERS_STEP_H
#define HELPERS_STEP_H

#include <jansson.h>
#include <stdbool.h>

#include "helpers/error.h"
#include "helpers/journal.h"
#include "helpers/text.h"

enum step_state {
	STEP_ABSENT,  /* nothing of it is there */
	STEP_PRESENT, /* there, and as wanted */
	STEP_DIFFERS, /* partly there, or not as wanted */
};

struct step_context; /* the layer above's own: what is wanted */

/*
 * One step. `group` lets plumbing walk a part of the table. All functions but apply
 * may be NULL: no `wanted` is always wanted, no `record` journals {}, no `undo`
 * means that an earlier step's undo takes it away too.
 */
struct step {
	const char *name;
	const char *group;
	const char *summary;
	bool (*wanted)(const struct step_context *c);
	/* Adds the equivalent ip, tc, sysctl, ethtool or shell lines to out. */
	void (*describe)(const struct step_context *c, struct text *out);
	/* Asks the kernel. Where *state is STEP_DIFFERS, detail says what differs. */
	int (*probe)(const struct step_context *c, enum step_state *state,
		     struct text *detail, struct error *err);
	/* What undo will need, prior values above all. *out is the caller's. */
	int (*record)(const struct step_context *c, json_t **out, struct error *err);
	int (*apply)(const struct step_context *c, struct error *err);
	/* Idempotent; knows nothing but the record, since after a crash nothing else is.
	 */
	int (*undo)(const json_t *record, struct error *err);
	/*
	 * Makes what `to` wants of what `from` made, in place and without an
	 * interruption, of whatever mixture of the two is there: so the way back is the
	 * same with both exchanged. NULL: undone and applied anew, which interrupts.
	 */
	int (*change)(const struct step_context *from, const struct step_context *to,
		      struct error *err);
	/* Whether the two want different things. NULL: where describe's lines differ. */
	bool (*differs)(const struct step_context *from, const struct step_context *to);
	/* The record tells what was made, not what was before: change writes it anew. */
	bool record_made;
};

struct step_table {
	const struct step *steps;
	size_t n;
};

const char *step_state_name(enum step_state state);
const struct step *step_find(const struct step_table *t, const char *name);
/* Wanted by this context, and in the group (NULL: in any). */
bool step_wanted(const struct step *s, const struct step_context *c, const char *group);

/*
 * Walks forward over the wanted steps of a group: what is present as wanted stays
 * untouched, the rest is journalled and applied. On failure, undoes what this call
 * applied, newest first, and returns the failure; if the undo fails too, err says both
 * and *incomplete is set. applied (may be NULL) counts the steps that changed something.
 */
int steps_up(const struct step_table *t, const struct step_context *c, const char *group,
	     struct journal *j, size_t *applied, bool *incomplete, struct error *err);

/*
 * Undoes the journalled steps of a group, newest first, going on past failures.
 * Returns 0, or the first failure with err naming every step that remains.
 */
int steps_down(const struct step_table *t, const char *group, struct journal *j,
	       struct error *err);

/* What becomes of a step between two contexts. */
enum step_move {
	STEP_STAYS,
	STEP_CHANGES,  /* in place */
	STEP_COMES,    /* wanted by the second alone */
	STEP_GOES,     /* wanted by the first alone */
	STEP_REPLACED, /* undone and applied anew: interrupts */
};
enum step_move step_move(const struct step *s, const struct step_context *from,
			 const struct step_context *to);

/*
 * Makes what `to` wants of what `from` has in service: in the table's order what changes
 * and comes, then, newest first, what goes. Each is journalled before. On failure it
 * stops where it is, and steps_back goes back from there (idempotent, from wherever a
 * killed steps_change left off), past failures, of which err names the first.
 */
int steps_change(const struct step_table *t, const struct step_context *from,
		 const struct step_context *to, struct journal *j, struct error *err);
int steps_back(const struct step_table *t, const struct step_context *from,
	       const struct step_context *to, struct journal *j, struct error *err);

/*
 * What steps_change would do: a comment line a step, then "- " and "+ " before the lines
 * of describe that would go and come.
 */
void steps_change_describe(const struct step_table *t, const struct step_context *from,
			   const struct step_context *to, struct text *out);

/* Describes the wanted steps of a group, a comment line each and then its lines. */
void steps_describe(const struct step_table *t, const struct step_context *c,
		    const char *group, struct text *out);

#endif
