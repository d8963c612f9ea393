/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns which CPUs may be taken, and in which order. */
#include "deploy/placement_pool.h"

#include <errno.h>

#include "deploy/placement_note.h"

/* A CPU that may be taken without having been named. */
static bool eligible(const struct topology_cpu *c, int node)
{
	return c->allowed && !c->isolated && (node < 0 || c->node == (unsigned int)node);
}

/* Which one it is among its core's eligible hyper-threads. */
static unsigned int thread_rank(const struct topology *t, const struct topology_cpu *c)
{
	unsigned int rank = 0;

	for (unsigned int i = 0; i < t->n && t->cpu[i].cpu < c->cpu; i++)
		rank += t->cpu[i].core == c->core && eligible(&t->cpu[i], -1);
	return rank;
}

/* The eligible CPUs of a node: each core's first thread, then the second ones. */
static unsigned int pool(const struct topology *t, int node, int smt, unsigned int *out)
{
	unsigned int n = 0, left = 1;

	for (unsigned int rank = 0; left && (!rank || smt == SMT_YES); rank++) {
		left = 0;
		for (unsigned int i = 0; i < t->n; i++) {
			unsigned int r = thread_rank(t, &t->cpu[i]);

			if (!eligible(&t->cpu[i], node))
				continue;
			if (r == rank)
				out[n++] = t->cpu[i].cpu;
			left += r > rank;
		}
	}
	return n;
}

static unsigned int eligible_in(const struct topology *t, int node)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < t->n; i++)
		n += eligible(&t->cpu[i], node);
	return n;
}

/* The package of a node, -1 where it has no CPU online. */
static int package_of(const struct topology *t, int node)
{
	for (unsigned int i = 0; i < t->n; i++) {
		if (t->cpu[i].node == (unsigned int)node)
			return (int)t->cpu[i].package;
	}
	return -1;
}

/* The lowest node with an eligible CPU, one of the package before others. */
static int node_instead(const struct topology *t, int package)
{
	int found = -1;

	for (unsigned int i = 0; i < t->n; i++) {
		const struct topology_cpu *c = &t->cpu[i];
		bool beside = (int)c->package == package;
		bool better = found < 0 || (int)c->node < found;

		if (!eligible(c, -1))
			continue;
		if (found >= 0 && (package_of(t, found) == package) != beside)
			better = beside;
		if (better)
			found = (int)c->node;
	}
	return found;
}

/* The node that the queues belong on. */
static int node_choose(const struct topology *t, struct placement *p)
{
	const struct placement_nic *a = &p->nic[0], *b = &p->nic[p->nics - 1];
	int node = a->node >= 0 ? a->node : b->node, other;

	if (node >= 0 && a->node >= 0 && b->node >= 0 && a->node != b->node)
		placement_warn(
			p,
			"%s is on node %d, %s on node %d: both use node %d's CPUs, the "
			"client side's",
			a->name, a->node, b->name, b->node, a->node);
	for (unsigned int i = 0; i < p->nics && t->nodes > 1; i++) {
		if (p->nic[i].node < 0)
			placement_remark(
				p, "%s reports no NUMA node: it is taken to be on %s",
				p->nic[i].name,
				node >= 0 ? "the other interface's"
					  : "the lowest that has a CPU");
	}
	if (node >= 0 && eligible_in(t, node))
		return node;
	other = node_instead(t, package_of(t, node));
	if (node >= 0 && other >= 0)
		placement_warn(
			p,
			"node %d, where the interface is, has no CPU that hapep may take: "
			"node %d's are used",
			node, other);
	return other;
}

int placement_pool_named(const struct topology *t, const char *key, const char *list,
			 bool recall, unsigned int *cpu, unsigned int *n,
			 struct error *err)
{
	size_t count = 0;
	int r = cpulist_parse(list, cpu, &count, err);

	if (r < 0)
		return error_wrap(err, "%s", key);
	for (size_t i = 0; i < count && !recall; i++) {
		const struct topology_cpu *c = topology_cpu_find(t, cpu[i]);

		/* Who names a CPU means it, be it isolated or out of this affinity. */
		if (!c || !c->permitted)
			return error_say(err, EINVAL,
					 "%s: CPU %u is offline or outside this "
					 "process's cpuset",
					 key, cpu[i]);
	}
	*n = (unsigned int)count;
	return 0;
}

int placement_pool_queues(const struct topology *t, const struct config *config,
			  bool recall, struct placement *p, struct error *err)
{
	unsigned int *cpu = p->queue_cpu, *n = &p->queue_cpus;
	int r = 0;

	if (config->queue_cpus[0]) {
		r = placement_pool_named(t, "placement.queue_cpus", config->queue_cpus,
					 recall, cpu, n, err);
	} else if (config->cpus[0]) {
		r = placement_pool_named(t, "haproxy.cpus", config->cpus, recall, cpu, n,
					 err);
	} else {
		*n = pool(t, node_choose(t, p), config->smt, cpu);
		if (*n > CONFIG_QUEUES_MAX)
			*n = CONFIG_QUEUES_MAX;
		if (!*n)
			r = error_say(err, EINVAL,
				      "this process may use no CPU that is not isolated: "
				      "name CPUs in haproxy.cpus");
	}
	return r;
}

unsigned int placement_pool_spread(const struct topology *t, int smt, unsigned int first,
				   unsigned int *out)
{
	unsigned int all[CPULIST_MAX], next[CPULIST_MAX] = { 0 };
	unsigned int total = pool(t, -1, smt, all), n = 0;

	for (unsigned int turn = first; n < total; turn++) {
		unsigned int node = turn % CPULIST_MAX;
		unsigned int *i = &next[node];

		while (*i < total && topology_cpu_find(t, all[*i])->node != node)
			++*i;
		if (*i < total)
			out[n++] = all[(*i)++];
	}
	return n;
}
