/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blades that share an interface: who of them puts it back as it was. */
#ifndef DEPLOY_HANDOVER_H
#define DEPLOY_HANDOVER_H

#include "helpers/journal.h"

/*
 * For the blade `name`, locked and about to undo its steps of a group (NULL: all), with
 * its journal: what that would take away from an interface that another blade has too
 * (flags, VLAN filter, the clsact qdisc) goes over to the other's journal instead, with
 * the values from before; so the last blade there restores them. Safe to be killed in and
 * to be repeated: a value is in the other's journal before it leaves this one. What the
 * queues are told is not handed over. -EBUSY: another hapep works on such a blade.
 */
int handover_make(const char *name, const char *group, struct journal *mine,
		  struct error *err);

/*
 * What that would hand over, without a change on disk; in memory `mine`, opened for
 * reading, becomes what it would be. *out, the caller's: [{"step", "interface", "prior":
 * {...}, "blade", "its_step"}].
 */
int handover_foresee(const char *name, const char *group, struct journal *mine,
		     json_t **out, struct error *err);

/* The same two between journals that are at hand; list gets the foreseen ones. */
int handover_journals(struct journal *mine, struct journal *theirs, struct error *err);
void handover_foresee_journals(struct journal *mine, struct journal *theirs,
			       const char *blade, json_t *list);

#endif
