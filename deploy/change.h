/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From one configuration to another while the blade serves, and back where that fails. */
#ifndef DEPLOY_CHANGE_H
#define DEPLOY_CHANGE_H

#include <stdbool.h>

#include "deploy/plan.h"
#include "helpers/journal.h"

#define CHANGE_RECORD "change" /* in the journal, while a change is under way */

struct supervisor_change;

/*
 * What goes before what: the next listeners and instances stand beside the present ones,
 * then what leads packets to them changes (helpers/step.h, steps_change), then the former
 * instances get no new connection, end those they have, and leave. Up to that last point
 * any failure takes everything back; the stored configuration is replaced after it.
 */
struct change {
	const char *name;
	int dirfd; /* the state directory, locked */
	struct journal *journal;
	struct step_context *from, *to;
	/* change.c's own; zeroes */
	struct supervisor_change *next;
	bool resumed; /* whoever began it is gone, and the next instances with it */
};

/*
 * -errno: `from` serves as before; if *incomplete, what err names could not be taken
 * back, and the next change_resolve tries again.
 */
int change_make(struct change *c, bool *incomplete, struct error *err);

/*
 * Takes back a change that was cut short (its hapep was killed), or finishes it where it
 * had come to its last point. *resolved: there was one.
 */
int change_resolve(const char *name, int dirfd, struct journal *journal, bool *resolved,
		   struct error *err);

/* Before everything is undone anyway: the journal forgets the change. */
int change_forget(struct journal *journal, struct error *err);

/*
 * The part of the step "proxy" in the walk to that plan, or back to it: where the
 * supervisor leads packets, by SK-LOOKUP's program and between listeners on one port.
 */
int change_proxy(const struct step_context *to, struct error *err);

/*
 * Which ports' connections end as they began, in both directions of a change: those that
 * are the other plan's alone, and those of earlier changes.
 */
int change_leaving(struct step_context *from, struct step_context *to, struct error *err);

/*
 * When no former instance is left: those ports are forgotten. For the supervisor; -EBUSY:
 * somebody works on the blade, try again.
 */
int change_settle(const char *name, struct error *err);

#endif
