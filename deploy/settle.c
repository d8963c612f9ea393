/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what auto means on a blade in service: what was found at up, as long as it holds.
 */
#include <string.h>

#include "deploy/config.h"

/* What a limit on descriptors carries hangs on these. */
static bool settle_same_load(const struct config *a, const struct config *b)
{
	return scenario_maps(a->scenario) == scenario_maps(b->scenario) &&
	       ports_count(&a->ports) == ports_count(&b->ports) && a->model == b->model &&
	       a->processes == b->processes && a->splice == b->splice &&
	       a->source == b->source;
}

void config_settle(struct config *wanted, const struct config *before,
		   const struct config *running)
{
	if (wanted->scenario == SCENARIO_AUTO)
		wanted->scenario = running->scenario;
	if (wanted->datapath == TC_DATAPATH_AUTO)
		wanted->datapath = running->datapath;
	if (!wanted->processes && !before->processes &&
	    !strcmp(wanted->cpus, before->cpus))
		wanted->processes = running->processes;
	if (!wanted->maxconn && !before->maxconn && settle_same_load(wanted, running))
		wanted->maxconn = running->maxconn;
}
