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

/* Where queues and instances go follows from all of these together. */
static bool settle_same_placement(const struct config *a, const struct config *b)
{
	return a->processes == b->processes && a->model == b->model &&
	       !strcmp(a->cpus, b->cpus) && a->queues == b->queues &&
	       !strcmp(a->queue_cpus, b->queue_cpus) && a->numa == b->numa &&
	       a->smt == b->smt && a->rss == b->rss &&
	       !strcmp(a->side[SIDE_CLIENT].nic, b->side[SIDE_CLIENT].nic) &&
	       !strcmp(a->side[SIDE_SERVER].nic, b->side[SIDE_SERVER].nic);
}

static void settle_placement(struct config *wanted, const struct config *running)
{
	wanted->processes = running->processes;
	wanted->queues = running->queues;
	memcpy(wanted->cpus, running->cpus, sizeof(wanted->cpus));
	memcpy(wanted->queue_cpus, running->queue_cpus, sizeof(wanted->queue_cpus));
}

void config_settle(struct config *wanted, const struct config *before,
		   const struct config *running)
{
	if (wanted->scenario == SCENARIO_AUTO)
		wanted->scenario = running->scenario;
	if (wanted->datapath == TC_DATAPATH_AUTO)
		wanted->datapath = running->datapath;
	if (settle_same_placement(wanted, before))
		settle_placement(wanted, running);
	if (!wanted->maxconn && !before->maxconn && settle_same_load(wanted, running))
		wanted->maxconn = running->maxconn;
}
