/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns which instance takes a CPU's packets, and which CPUs send by a queue. */
#include "deploy/placement_map.h"

#include <string.h>

/* A CPU that is no longer online is far from all others. */
static unsigned int distance(const struct topology *t, unsigned int a, unsigned int b)
{
	const struct topology_cpu *x = topology_cpu_find(t, a);
	const struct topology_cpu *y = topology_cpu_find(t, b);

	if (a == b)
		return 0;
	return x && y ? 1 + topology_distance(x, y) : 7;
}

/* The nearest of n places to a CPU; among equals the least loaded, then the first. */
static unsigned int nearest(const struct topology *t, unsigned int cpu,
			    const unsigned int *place, unsigned int n,
			    const unsigned int *load)
{
	unsigned int best = 0, best_distance = ~0U;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int d = distance(t, cpu, place[i]);

		if (d < best_distance || (d == best_distance && load[i] < load[best])) {
			best = i;
			best_distance = d;
		}
	}
	return best;
}

/* The first instance pinned to a CPU, or -1. */
static int pinned(const struct placement *p, unsigned int cpu)
{
	for (unsigned int k = 0; k < p->instances; k++) {
		if (p->cpu[k] == cpu)
			return (int)k;
	}
	return -1;
}

/* CPUs with an instance first, then those with a queue, then the rest of the machine. */
static void map_takers(const struct topology *t, struct placement *p)
{
	const unsigned int *cpu = p->queue_cpu;
	unsigned int n = p->queue_cpus;
	unsigned int load[HAPROXY_INSTANCES_MAX] = { 0 };
	bool done[CPULIST_MAX] = { false };

	for (unsigned int i = 0; i < CPULIST_MAX; i++)
		p->taker[i] = (unsigned short)(i % p->instances);
	for (unsigned int k = p->instances; k-- > 0;) {
		p->taker[p->cpu[k]] = (unsigned short)k;
		done[p->cpu[k]] = true;
	}
	for (unsigned int i = 0; i < p->instances; i++)
		load[i] = p->taker[p->cpu[i]] == i;
	for (unsigned int i = 0; i < n + t->n; i++) {
		unsigned int c = i < n ? cpu[i] : t->cpu[i - n].cpu;
		unsigned int k;

		if (done[c])
			continue;
		k = nearest(t, c, p->cpu, p->instances, load);
		p->taker[c] = (unsigned short)k;
		load[k]++;
		done[c] = true;
	}
	p->cpus = t->n ? t->cpu[t->n - 1].cpu + 1 : 0;
}

static struct placement_row *row_add(const struct topology *t, int queue,
				     unsigned int cpu, struct placement *p)
{
	const struct topology_cpu *c = topology_cpu_find(t, cpu);
	struct placement_row *row = &p->row[p->rows++];

	*row = (struct placement_row){ .queue = queue,
				       .cpu = cpu,
				       .core = c ? (int)c->core : -1,
				       .node = c ? (int)c->node : -1,
				       .instance = -1,
				       .taker = p->taker[cpu] };
	return row;
}

static void map_rows(const struct topology *t, struct placement *p)
{
	bool shown[HAPROXY_INSTANCES_MAX] = { false };

	for (unsigned int q = 0; q < p->queues; q++) {
		struct placement_row *row =
			row_add(t, (int)q, p->queue_cpu[q % p->queue_cpus], p);

		row->instance = pinned(p, row->cpu);
		if (row->instance >= 0)
			shown[row->instance] = true;
	}
	for (unsigned int k = 0; k < p->instances; k++) {
		if (!shown[k])
			row_add(t, -1, p->cpu[k], p)->instance = (int)k;
	}
}

/* Every CPU of the placement sends by a queue of its own, or by the nearest CPU's. */
static void map_xps(const struct topology *t, struct placement *p)
{
	unsigned int place[CONFIG_QUEUES_MAX], load[CONFIG_QUEUES_MAX] = { 0 };
	cpu_set_t done;

	CPU_ZERO(&done);
	for (unsigned int q = 0; q < p->queues; q++) {
		place[q] = p->row[q].cpu;
		CPU_SET(place[q], &p->row[q].xps);
		CPU_SET(place[q], &done);
	}
	for (unsigned int k = 0; k < p->instances && p->queues; k++) {
		unsigned int q;

		if (CPU_ISSET(p->cpu[k], &done))
			continue;
		q = nearest(t, p->cpu[k], place, p->queues, load);
		load[q]++;
		CPU_SET(p->cpu[k], &p->row[q].xps);
		CPU_SET(p->cpu[k], &done);
	}
}

void placement_map(const struct topology *t, struct placement *p)
{
	map_takers(t, p);
	map_rows(t, p);
	map_xps(t, p);
}
