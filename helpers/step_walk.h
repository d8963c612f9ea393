/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the walks over a table of steps have in common: one step made, one undone. */
#ifndef HELPERS_STEP_WALK_H
#define HELPERS_STEP_WALK_H

#include "helpers/step.h"

/*
 * Journals the step and applies it, or, where `from` is not NULL, changes it from that
 * context to `to`. fault is what tests call it.
 */
int step_do(const struct step *s, const char *fault, const struct step_context *from,
	    const struct step_context *to, struct journal *j, struct error *err);
/* Undoes the step by its record; none is success. */
int step_undo(const struct step *s, const char *fault, struct journal *j,
	      struct error *err);

#endif
