/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what a placement asks of this machine, or of a description of another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/placement.h"
#include "deploy/placement_note.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/nic/irq.h"
#include "helpers/nic/queues.h"
#include "helpers/nic/rss.h"
#include "helpers/setting.h"

static int nic_here(struct placement_nic *nic, struct error *err)
{
	_cleanup_free_ struct rss *rss = memory_new(1, sizeof(*rss));
	_cleanup_close_ int root = setting_root(err);
	int r = root < 0 ? root : rss_read(nic->name, rss, err);

	if (r < 0)
		return r;
	nic->node = topology_nic_node(root, nic->name);
	nic->table = rss->table_n > 0;
	/* Without a table nobody can be told to use more: a veth has one a CPU, idle. */
	nic->queues_most = nic->table ? rss->queues_most : rss->queues;
	nic->soft = !nic_has_device(nic->name);
	return 0;
}

static int nic_elsewhere(struct placement_nic *nic, int side,
			 const struct placement_standin *standin, struct error *err)
{
	_cleanup_free_ struct rss *rss = memory_new(1, sizeof(*rss));
	int r = standin->rss ? rss_read_dump(standin->rss, rss, err) : 0;

	if (r < 0)
		return r;
	if (standin->node_given)
		nic->node = standin->node[side];
	else if (standin->topology)
		nic->node = topology_source_nic_node(standin->topology, nic->name);
	else
		nic->node = TOPOLOGY_NODE_NONE;
	nic->queues_most = standin->queues_most ? standin->queues_most : rss->queues;
	nic->table = !standin->no_rss;
	return 0;
}

static void warn_balanced(struct placement *p)
{
	_cleanup_close_ int root = setting_root(NULL);

	if (root >= 0 && nic_irqs_balanced(root))
		placement_warn(p,
			       "irqbalance runs and will move the interrupts away: stop "
			       "it, or exempt them (`hapep doctor` says how)");
}

int placement_read(const struct config *config, const struct placement_standin *standin,
		   bool recall, struct placement *out, struct error *err)
{
	_cleanup_free_ struct topology *t = NULL;
	struct placement_nic nic[SIDES] = { 0 };
	unsigned int n = 0;
	int r = topology_read(standin->topology, &t, err);

	for (int s = 0; s < SIDES && !r; s++) {
		if (s && !strcmp(config->side[s].nic, nic[0].name))
			continue;
		snprintf(nic[n].name, sizeof(nic[n].name), "%s", config->side[s].nic);
		if (placement_standin_given(standin))
			r = nic_elsewhere(&nic[n], s, standin, err);
		else
			r = nic_here(&nic[n], err);
		n++;
	}
	if (!r)
		r = placement_make(t, config, nic, n, recall, out, err);
	if (!r && out->queues && !placement_standin_given(standin))
		warn_balanced(out);
	return r;
}

int placement_irqs(const struct placement *p, int *irq, struct error *err)
{
	int r = 0;

	for (unsigned int i = 0; i < SIDES * CONFIG_QUEUES_MAX; i++)
		irq[i] = -1;
	for (unsigned int i = 0; i < p->nics && !r; i++)
		r = nic_irqs(p->nic[i].name, p->queues, irq + i * CONFIG_QUEUES_MAX, err);
	return r;
}
