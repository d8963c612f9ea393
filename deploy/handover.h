/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blades that share an interface: who of them puts it back as it was. */
#ifndef DEPLOY_HANDOVER_H
#define DEPLOY_HANDOVER_H

#include "helpers/journal.h"

/*
 * For the blade `name`, locked and about to undo its steps, with its journal: what that
 * would take away from an interface that another blade has too (flags, VLAN filter, the
 * clsact qdisc) goes over to the other's journal instead, with the values from before;
 * so the last blade there restores them. Safe to be killed in and to be repeated: a
 * value is in the other's journal before it leaves this one. What the queues are told is
 * not handed over. -EBUSY: another hapep works on such a blade.
 */
int handover_make(const char *name, struct journal *mine, struct error *err);

/* The same between two journals that are at hand. */
int handover_journals(struct journal *mine, struct journal *theirs, struct error *err);

#endif
