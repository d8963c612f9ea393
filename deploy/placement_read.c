/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what a placement asks of this machine, or of a description of another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/placement.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/nic/rss.h"

static int nic_here(struct placement_nic *nic, struct error *err)
{
	_cleanup_free_ struct rss *rss = memory_new(1, sizeof(*rss));
	int r = rss_read(nic->name, rss, err);

	if (r < 0)
		return r;
	nic->node = topology_nic_node(nic->name);
	nic->queues_most = rss->queues_most;
	nic->table = rss->table_n > 0;
	return 0;
}

static void nic_elsewhere(struct placement_nic *nic, int side,
			  const struct placement_standin *standin)
{
	nic->node = standin->node_given
			    ? standin->node[side]
			    : topology_source_nic_node(standin->topology, nic->name);
	nic->queues_most = standin->queues_most;
	nic->table = !standin->no_rss;
}

int placement_read(const struct config *config, const struct placement_standin *standin,
		   bool recall, struct placement *out, struct error *err)
{
	_cleanup_free_ struct topology *t = NULL;
	struct placement_nic nic[SIDES] = { 0 };
	unsigned int n = 0;
	int r = topology_read(standin ? standin->topology : NULL, &t, err);

	for (int s = 0; s < SIDES && !r; s++) {
		if (s && !strcmp(config->side[s].nic, nic[0].name))
			continue;
		snprintf(nic[n].name, sizeof(nic[n].name), "%s", config->side[s].nic);
		if (standin)
			nic_elsewhere(&nic[n], s, standin);
		else
			r = nic_here(&nic[n], err);
		n++;
	}
	return r < 0 ? r : placement_make(t, config, nic, n, recall, out, err);
}
