/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns how a placement looks. */
#include <stdio.h>
#include <stdlib.h>

#include "deploy/placement.h"

static json_t *number(int v)
{
	return v < 0 ? json_null() : json_integer(v);
}

/* The interrupt; of two NICs both, where either is known: "41 -". */
static json_t *interrupt(const struct placement *p, const int *irq, int queue)
{
	_cleanup_text_ struct text t = { 0 };
	bool known = false;

	if (!irq || queue < 0)
		return json_null();
	if (p->nics == 1)
		return number(irq[queue]);
	for (unsigned int i = 0; i < p->nics; i++) {
		int v = irq[i * CONFIG_QUEUES_MAX + (unsigned int)queue];

		known = known || v >= 0;
		if (v < 0)
			text_add(&t, "%s-", i ? " " : "");
		else
			text_add(&t, "%s%d", i ? " " : "", v);
	}
	return known ? json_string(t.text) : json_null();
}

static json_t *cpus(const cpu_set_t *set)
{
	_cleanup_text_ struct text list = { 0 };
	unsigned int cpu[CPULIST_MAX];
	size_t n = 0;

	for (unsigned int c = 0; c < CPU_SETSIZE && c < CPULIST_MAX; c++) {
		if (CPU_ISSET(c, set))
			cpu[n++] = c;
	}
	cpulist_write(cpu, n, &list);
	return n ? json_string(list.text) : json_null();
}

static json_t *row_tree(const struct placement *p, const struct placement_row *row,
			const int *irq)
{
	return json_pack("{s:o,s:o,s:i,s:o,s:o,s:o,s:i,s:o}", "queue", number(row->queue),
			 "interrupt", interrupt(p, irq, row->queue), "cpu", (int)row->cpu,
			 "core", number(row->core), "node", number(row->node), "instance",
			 number(row->instance), "accepts", row->taker, "xps",
			 cpus(&row->xps));
}

static json_t *nic_tree(const struct placement *p, unsigned int i)
{
	const struct placement_nic *nic = &p->nic[i];

	return json_pack("{s:s,s:s,s:o,s:i,s:o,s:b}", "interface", nic->name, "side",
			 p->nics == 1 ? "both"
			 : i          ? "server"
				      : "client",
			 "node", number(nic->node), "queues", (int)p->queues,
			 "queues_most",
			 nic->queues_most ? json_integer(nic->queues_most) : json_null(),
			 "rss", nic->table);
}

json_t *placement_tree(const struct placement *p, const int *irq)
{
	json_t *nics = json_array(), *rows = json_array(), *notes = json_array();

	for (unsigned int i = 0; i < p->nics; i++)
		json_array_append_new(nics, nic_tree(p, i));
	for (unsigned int i = 0; i < p->rows; i++)
		json_array_append_new(rows, row_tree(p, &p->row[i], irq));
	for (unsigned int i = 0; i < p->notes; i++)
		json_array_append_new(notes,
				      json_pack("{s:s,s:s}", "kind",
						p->note[i].warning ? "warning" : "remark",
						"note", p->note[i].text));
	return json_pack("{s:i,s:i,s:o,s:b,s:o,s:o,s:o,s:o}", "queues", (int)p->queues,
			 "instances", (int)p->instances, "node", number(p->node), "bound",
			 p->bound, "software_steering", cpus(&p->rps_cpus), "interfaces",
			 nics, "placement", rows, "notes", notes);
}
