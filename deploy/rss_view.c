/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading how a blade's interfaces steer packets now. */
#include "deploy/rss_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/blade.h"
#include "helpers/cleanup.h"
#include "helpers/file.h"
#include "helpers/memory.h"
#include "helpers/nic/irq.h"
#include "helpers/setting.h"

/* The one CPU that an interrupt goes to, or -1. */
static int irq_cpu(int root, int irq)
{
	static const char *const files[] = { "effective_affinity_list",
					     "smp_affinity_list" };
	unsigned int cpu[CPULIST_MAX];
	struct error ignored = { 0 };
	char path[64], list[4096];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && irq >= 0; i++) {
		snprintf(path, sizeof(path), "proc/irq/%d/%s", irq, files[i]);
		if (file_read(root, path, list, sizeof(list)) > 0 &&
		    !cpulist_parse(list, cpu, &n, &ignored) && n == 1)
			return (int)cpu[0];
	}
	return -1;
}

static int view_nic_here(struct rss_view *v, unsigned int i, struct error *err)
{
	const char *nic = v->placement.nic[i].name;
	int *irq = v->irq + (size_t)i * CONFIG_QUEUES_MAX;
	_cleanup_close_ int root = setting_root(err);
	int r = root < 0 ? root : rss_read(nic, &v->rss[i], err);

	if (!r)
		r = nic_irqs(nic, CONFIG_QUEUES_MAX, irq, err);
	for (unsigned int q = 0; q < CONFIG_QUEUES_MAX && !r; q++)
		v->cpu[i][q] = irq_cpu(root, irq[q]);
	return r;
}

/* Of a stand-in the interrupts are as planned, and the table is even without a dump. */
static int view_nic_elsewhere(struct rss_view *v, unsigned int i, const char *dump,
			      struct error *err)
{
	const struct placement *p = &v->placement;

	for (unsigned int q = 0; q < CONFIG_QUEUES_MAX; q++)
		v->cpu[i][q] = q < p->queues ? (int)p->row[q].cpu : -1;
	return dump ? rss_read_dump(dump, &v->rss[i], err)
		    : error_say(
			      err, EINVAL,
			      "--topology alone says nothing of the interfaces' key and "
			      "table: give what `ethtool -x` prints of them with "
			      "--nic-rss FILE");
}

static void view_cores(struct rss_view *v, const struct topology *t)
{
	for (unsigned int i = 0; i < CPULIST_MAX; i++)
		v->core[i] = -1;
	for (unsigned int i = 0; i < t->n; i++)
		v->core[t->cpu[i].cpu] = (int)t->cpu[i].core;
}

/* The configuration that is in force, or would be. */
static int view_config(struct invocation *in, struct rss_view *v, bool *recall,
		       struct error *err)
{
	struct error ignored = { 0 };

	*recall = v->here && !in->config && !blade_config(in->name, &v->config, &ignored);
	return *recall ? EXIT_DONE : invocation_config(in, &v->config, err);
}

int rss_view_read(struct invocation *in, struct rss_view **out, struct error *err)
{
	_cleanup_free_ struct rss_view *v = memory_new(1, sizeof(*v));
	_cleanup_free_ struct topology *t = NULL;
	const struct placement_standin *standin = &in->standin;
	bool recall;
	int r;

	v->here = !placement_standin_given(standin);
	memset(v->irq, -1, sizeof(v->irq));
	r = view_config(in, v, &recall, err);
	if (r)
		return r;
	r = placement_read(&v->config, standin, recall, &v->placement, err);
	if (!r)
		r = topology_read(standin->topology, &t, err);
	if (r < 0)
		return r;
	v->config.accept = placement_accept(&v->placement, &v->config);
	view_cores(v, t);
	for (unsigned int i = 0; i < v->placement.nics && !r; i++)
		r = v->here ? view_nic_here(v, i, err)
			    : view_nic_elsewhere(v, i, standin->rss, err);
	if (!r)
		*out = take_ptr(v);
	return r;
}

struct rss_arrival rss_view_arrival(const struct rss_view *v, int side,
				    const struct flow *f)
{
	const struct placement *p = &v->placement;
	unsigned int i = side == SIDE_SERVER ? p->nics - 1 : 0;
	struct rss_arrival a = {
		.nic = p->nic[i].name, .irq = -1, .cpu = -1, .core = -1, .instance = -1
	};

	a.hashed = flow_hash(f, &v->rss[i], &a.hash);
	a.queue = flow_queue(f, &v->rss[i]);
	if (a.queue < 0 || a.queue >= CONFIG_QUEUES_MAX)
		return a;
	a.irq = v->irq[i * CONFIG_QUEUES_MAX + (unsigned int)a.queue];
	a.cpu = v->cpu[i][a.queue];
	if (a.cpu < 0 || a.cpu >= CPULIST_MAX)
		return a;
	a.core = v->core[a.cpu];
	if (v->config.accept == HAPROXY_ACCEPT_CPU)
		a.instance = p->taker[a.cpu];
	return a;
}

int rss_view_agree(const struct rss_arrival *a, const struct rss_arrival *b)
{
	if (a->cpu >= 0 && b->cpu >= 0)
		return a->cpu == b->cpu;
	if (a->queue >= 0 && b->queue >= 0)
		return a->queue == b->queue;
	return -1;
}
