/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notes of a placement. */
#ifndef DEPLOY_PLACEMENT_NOTE_H
#define DEPLOY_PLACEMENT_NOTE_H

#include "deploy/placement.h"

/* Worth knowing; and: something that was asked for is not so. */
__attribute__((format(printf, 2, 3))) void placement_remark(struct placement *p,
							    const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void placement_warn(struct placement *p,
							  const char *fmt, ...);

/* What the rows of a placement do not show by themselves. */
void placement_note_all(const struct topology *t, const struct config *config,
			struct placement *p);

#endif
