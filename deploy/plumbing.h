/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One group of a blade's steps, by the words up, down and show. */
#ifndef DEPLOY_PLUMBING_H
#define DEPLOY_PLUMBING_H

#include "deploy/command.h"

#define PLUMBING_OPTIONS (OPTION_NAME | OPTION_CONFIG | OPTION_JSON | OPTION_DRY_RUN)
#define PLUMBING_EXITS                                                                   \
	"up, down: as for `hapep up`; show: 0 all there, 1 a part is missing, 3 nothing there"

/* Does what the invocation's one argument says; words: which ones it may be. */
int plumbing_run(struct invocation *in, const char *group, const char *words,
		 struct error *err);

#endif
