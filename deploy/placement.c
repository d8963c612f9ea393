/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns how many queues and instances there are, and which CPU each gets. */
#include "deploy/placement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/placement_map.h"
#include "deploy/placement_note.h"
#include "deploy/placement_pool.h"

#define THREADS_MAX 64 /* of one HAProxy thread group, in every version */

static void count_queues(const struct config *config, struct placement *p)
{
	unsigned int most = CONFIG_QUEUES_MAX, cpus = p->queue_cpus;
	const char *least = NULL;

	for (unsigned int i = 0; i < p->nics; i++) {
		if (p->nic[i].queues_most && p->nic[i].queues_most < most) {
			most = p->nic[i].queues_most;
			least = p->nic[i].name;
		}
	}
	if (config->rss == RSS_OFF) {
		placement_remark(
			p, "rss = off: queues, interrupts and XPS stay as they are");
		return;
	}
	p->queues = config->queues ? config->queues : cpus;
	if (p->queues > most) {
		if (config->queues)
			placement_warn(p, "queues = %u: %s has %u", config->queues,
				       least ? least : "hapep", most);
		p->queues = most;
	}
	if (p->queues > cpus)
		placement_warn(
			p,
			"%u queues on %u CPUs: queue q is on CPU q modulo %u of the list",
			p->queues, cpus, cpus);
}

static void count_instances(const struct config *config, unsigned int cpus,
			    struct placement *p)
{
	unsigned int most = config->model == HAPROXY_MODEL_THREADS
				    ? THREADS_MAX
				    : HAPROXY_INSTANCES_MAX;

	p->instances = config->processes;
	if (!p->instances) {
		p->instances = cpus < most ? cpus : most;
		if (cpus > most)
			placement_remark(p, "%u CPUs: %s can be %u at most", cpus,
					 config->model == HAPROXY_MODEL_THREADS
						 ? "threads"
						 : "instances",
					 most);
	}
	if (p->instances > cpus)
		placement_warn(p, "%u instances on %u CPUs: they share them in order",
			       p->instances, cpus);
}

/*
 * Software steering: from what has no RSS, and to the instances that no queue would
 * reach though they are where the queues should be.
 */
static void steer_in_software(struct placement *p)
{
	unsigned int n = p->queue_cpus, used = p->queues < n ? p->queues : n;
	unsigned int unreached = 0;
	bool table = true, soft = true;

	for (unsigned int i = 0; i < p->nics; i++) {
		table = table && p->nic[i].table;
		soft = soft && p->nic[i].soft;
	}
	if (soft) {
		placement_remark(p,
				 "%s: no hardware behind it, so no queues, interrupts or "
				 "steering to set",
				 p->nic[0].name);
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		if (!cpulist_has(p->cpu, p->instances, p->queue_cpu[i]))
			continue;
		CPU_SET(p->queue_cpu[i], &p->rps_cpus);
		unreached += i >= used;
	}
	p->rps = p->queues && CPU_COUNT(&p->rps_cpus) > 1 && (!table || unreached);
	if (!p->rps)
		CPU_ZERO(&p->rps_cpus);
	else if (!table)
		placement_remark(
			p,
			"no RSS in hardware: software steering (RPS) spreads the packets "
			"of %u queue%s over %d CPUs",
			p->queues, p->queues > 1 ? "s" : "", CPU_COUNT(&p->rps_cpus));
	else
		placement_remark(
			p,
			"%u queues for %u instances: software steering (RPS) reaches the "
			"CPUs without a queue",
			p->queues, p->instances);
}

static int place_instances(const struct topology *t, const struct config *config,
			   bool recall, struct placement *p, struct error *err)
{
	unsigned int cpu[CPULIST_MAX], n = p->queue_cpus;
	const struct topology_cpu *first = topology_cpu_find(t, p->queue_cpu[0]);
	int r = 0;

	memcpy(cpu, p->queue_cpu, n * sizeof(cpu[0]));
	if (config->cpus[0])
		r = placement_pool_named(t, "haproxy.cpus", config->cpus, recall, cpu, &n,
					 err);
	else if (config->numa == NUMA_SPREAD)
		n = placement_pool_spread(t, config->smt, first ? first->node : 0, cpu);
	if (r < 0)
		return r;
	count_instances(config, n, p);
	for (unsigned int k = 0; k < p->instances; k++)
		p->cpu[k] = cpu[k % n];
	return 0;
}

/* The one node of all these CPUs, or -1. */
static int one_node(const struct topology *t, const unsigned int *cpu, unsigned int n)
{
	int node = -1;

	for (unsigned int i = 0; i < n; i++) {
		const struct topology_cpu *c = topology_cpu_find(t, cpu[i]);

		if (!c || (i && (int)c->node != node))
			return -1;
		node = (int)c->node;
	}
	return node;
}

int placement_make(const struct topology *t, const struct config *config,
		   const struct placement_nic *nic, unsigned int nics, bool recall,
		   struct placement *out, struct error *err)
{
	unsigned int used;
	int r;

	memset(out, 0, sizeof(*out));
	out->nics = nics;
	memcpy(out->nic, nic, nics * sizeof(*nic));
	r = placement_pool_queues(t, config, recall, out, err);
	if (r < 0)
		return r;
	count_queues(config, out);
	r = place_instances(t, config, recall, out, err);
	if (r < 0)
		return r;
	used = out->queues && out->queues < out->queue_cpus ? out->queues
							    : out->queue_cpus;
	out->node = one_node(t, out->queue_cpu, used);
	out->bound = config->numa == NUMA_BIND && out->node >= 0 &&
		     one_node(t, out->cpu, out->instances) == out->node;
	if (config->numa == NUMA_BIND && !out->bound)
		placement_warn(
			out,
			"numa = bind: the CPUs that were named are not all on one node, "
			"so the instances' memory is not bound");
	steer_in_software(out);
	placement_map(t, out);
	placement_note_all(t, config, out);
	return 0;
}

static void resolve_list(const unsigned int *cpu, unsigned int n, char *out)
{
	_cleanup_text_ struct text list = { 0 };

	cpulist_write(cpu, n, &list);
	snprintf(out, CONFIG_CPULIST_SIZE, "%s", list.length ? list.text : "");
}

/* Every CPU that gets flows has one instance, and every instance such a CPU. */
static bool one_each(const struct placement *p)
{
	for (unsigned int i = 0; i < p->rows && !p->rps; i++) {
		if (p->row[i].queue < 0 || p->row[i].instance < 0)
			return false;
	}
	for (unsigned int k = 0; k < p->instances; k++) {
		if (cpulist_has(p->cpu, k, p->cpu[k]) ||
		    (p->rps && !CPU_ISSET(p->cpu[k], &p->rps_cpus)))
			return false;
	}
	return true;
}

enum haproxy_accept placement_accept(const struct placement *p,
				     const struct config *config)
{
	bool steered = config->rss == RSS_SYMMETRIC && (p->rps || p->queues > 1);

	if (config->accept != CONFIG_ACCEPT_AUTO)
		return (enum haproxy_accept)config->accept;
	return steered && one_each(p) ? HAPROXY_ACCEPT_CPU : HAPROXY_ACCEPT_HASH;
}

void placement_resolve(const struct placement *p, struct config *config)
{
	unsigned int cpu[HAPROXY_INSTANCES_MAX], n = 0;

	config->processes = p->instances;
	for (unsigned int k = 0; k < p->instances; k++) {
		if (!cpulist_has(cpu, n, p->cpu[k]))
			cpu[n++] = p->cpu[k];
	}
	/* First: what is auto here follows from what is given there. */
	if (!config->queue_cpus[0])
		resolve_list(p->queue_cpu, p->queue_cpus, config->queue_cpus);
	if (!config->cpus[0])
		resolve_list(cpu, n, config->cpus);
	if (p->queues)
		config->queues = p->queues;
	config->accept = placement_accept(p, config);
}
