/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what two readings of a blade's counters come to: rates, shares, and the table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deploy/top.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/writer.h"

/* A counter that went back was started anew (an instance, a driver): all is new. */
static uint64_t grown(uint64_t from, uint64_t to)
{
	return to >= from ? to - from : to;
}

/* Whole numbers a second: what is below one is told by the counts beside it. */
static json_t *rate(uint64_t n, double seconds)
{
	return json_integer((json_int_t)((double)n / seconds + 0.5));
}

static double milli(double x)
{
	return (double)(long long)(x * 1000 + 0.5) / 1000;
}

/*
 * What an instance has counted: all that it has, where it is another process than the
 * last time; nothing where it has not answered before.
 */
static uint64_t counted_up(const struct top_instance *from, const struct top_instance *to,
			   uint64_t a, uint64_t b)
{
	if (!from->known || !to->answers)
		return 0;
	return from->pid == to->pid ? grown(a, b) : b;
}

/* Null where there is nothing to share. Three digits are more than is known. */
static json_t *share(uint64_t part, uint64_t whole)
{
	double value = whole ? (double)part / (double)whole : 0;

	return whole ? json_real(milli(value)) : json_null();
}

/* One interval, and what belongs to one core of it. */
struct span {
	const struct top_source *s;
	const struct top_sample *from, *to;
	double seconds;
};

struct core_part {
	json_t *queues, *instances; /* their numbers */
	uint64_t rx, transactions;
	unsigned int connections;
	int node; /* -1: not known */
	bool placed;
};

static void part_queue(const struct span *v, int queue, struct core_part *p)
{
	json_array_append_new(p->queues, json_integer(queue));
	for (int i = 0; i < SIDES && queue < CONFIG_QUEUES_MAX; i++)
		p->rx += grown(v->from->queue[i][queue], v->to->queue[i][queue]);
}

static void part_instance(const struct span *v, int k, struct core_part *p)
{
	const struct top_instance *from = &v->from->instance[k],
				  *to = &v->to->instance[k];

	json_array_append_new(p->instances, json_integer(k));
	if (v->s->plan.haproxy.model == HAPROXY_MODEL_THREADS || !to->answers)
		return;
	p->connections += to->connections;
	p->transactions += counted_up(from, to, from->total, to->total);
}

static struct core_part part_of(const struct span *v, unsigned int cpu)
{
	const struct placement *placement = &v->s->plan.placement;
	struct core_part p = { .queues = json_array(), .instances = json_array() };

	p.node = -1;
	for (unsigned int i = 0; i < placement->rows; i++) {
		const struct placement_row *row = &placement->row[i];

		if (row->cpu != cpu)
			continue;
		p.placed = true;
		p.node = row->node;
		if (row->queue >= 0)
			part_queue(v, row->queue, &p);
		if (row->instance >= 0)
			part_instance(v, row->instance, &p);
	}
	return p;
}

static json_t *core_row(const struct span *v, unsigned int cpu, const struct core_part *p)
{
	const struct top_core *a = &v->from->core[cpu], *b = &v->to->core[cpu];
	bool threads = v->s->plan.haproxy.model == HAPROXY_MODEL_THREADS;
	bool none = threads || !json_array_size(p->instances);
	bool counted = v->s->queues[0] && json_array_size(p->queues);
	json_t *row = json_pack("{s:i,s:i,s:O,s:O}", "cpu", (int)cpu, "node", p->node,
				"queues", p->queues, "instances", p->instances);

	json_object_set_new(row, "connections",
			    none ? json_null() : json_integer(p->connections));
	json_object_set_new(row, "transactions",
			    none ? json_null()
				 : json_integer((json_int_t)p->transactions));
	json_object_set_new(row, "tps",
			    none ? json_null() : rate(p->transactions, v->seconds));
	json_object_set_new(
		row, "accepted",
		v->s->locality ? json_integer((json_int_t)grown(a->accepted, b->accepted))
			       : json_null());
	json_object_set_new(
		row, "local_share",
		share(grown(a->local, b->local), grown(a->accepted, b->accepted)));
	json_object_set_new(row, "packets_s",
			    rate(grown(a->packets, b->packets), v->seconds));
	json_object_set_new(row, "queue_packets_s",
			    counted ? rate(p->rx, v->seconds) : json_null());
	json_object_set_new(
		row, "interrupts_s",
		v->s->n_irq ? rate(grown(a->interrupts, b->interrupts), v->seconds)
			    : json_null());
	json_object_set_new(
		row, "softirq_share",
		share(grown(a->softirq, b->softirq), grown(a->ticks, b->ticks)));
	json_object_set_new(row, "busy_share",
			    share(grown(a->busy, b->busy), grown(a->ticks, b->ticks)));
	json_object_set_new(row, "drops",
			    json_integer((json_int_t)grown(a->dropped, b->dropped)));
	json_object_set_new(row, "squeezes",
			    json_integer((json_int_t)grown(a->squeezed, b->squeezed)));
	return row;
}

static json_t *cores(const struct span *v)
{
	json_t *rows = json_array();

	for (unsigned int cpu = 0; cpu < CPULIST_MAX; cpu++) {
		const struct top_core *a = &v->from->core[cpu], *b = &v->to->core[cpu];
		struct core_part p = part_of(v, cpu);

		if (p.placed ||
		    (b->online && (b->accepted > a->accepted || b->dropped > a->dropped ||
				   b->interrupts > a->interrupts)))
			json_array_append_new(rows, core_row(v, cpu, &p));
		json_decref(p.queues);
		json_decref(p.instances);
	}
	return rows;
}

static json_t *total(const struct span *v)
{
	uint64_t transactions = 0, in = 0, out = 0, accepted = 0, local = 0, drops = 0;
	unsigned int connections = 0, answer = 0,
		     n = haproxy_instances(&v->s->plan.haproxy);
	json_t *t;

	for (unsigned int k = 0; k < n; k++) {
		const struct top_instance *a = &v->from->instance[k],
					  *b = &v->to->instance[k];

		answer += b->answers;
		connections += b->connections;
		/* One that does not answer now will have counted by the next time. */
		transactions += counted_up(a, b, a->total, b->total);
		in += counted_up(a, b, a->bytes_in, b->bytes_in);
		out += counted_up(a, b, a->bytes_out, b->bytes_out);
	}
	for (unsigned int i = 0; i < CPULIST_MAX; i++) {
		const struct top_core *a = &v->from->core[i], *b = &v->to->core[i];

		accepted += grown(a->accepted, b->accepted);
		local += grown(a->local, b->local);
		drops += grown(a->dropped, b->dropped);
	}
	t = json_pack("{s:i,s:i,s:i,s:I,s:o}", "instances", (int)n, "answering",
		      (int)answer, "connections", (int)connections, "transactions",
		      (json_int_t)transactions, "tps", rate(transactions, v->seconds));
	json_object_set_new(t, "bytes_in_s", rate(in, v->seconds));
	json_object_set_new(t, "bytes_out_s", rate(out, v->seconds));
	json_object_set_new(t, "accepted",
			    v->s->locality ? json_integer((json_int_t)accepted)
					   : json_null());
	json_object_set_new(t, "local_share", share(local, accepted));
	json_object_set_new(t, "backlog_drops", json_integer((json_int_t)drops));
	json_object_set_new(
		t, "nic_drops",
		json_integer((json_int_t)grown(v->from->nic_drops, v->to->nic_drops)));
	json_object_set_new(t, "listen_drops",
			    json_integer((json_int_t)grown(v->from->listen_drops,
							   v->to->listen_drops)));
	top_leaving_tree(v->to, t);
	return t;
}

json_t *top_tree(const struct top_source *s, const struct top_sample *from,
		 const struct top_sample *to)
{
	struct span v = { s, from, to, to->at - from->at };
	json_t *tree;

	if (v.seconds <= 0)
		v.seconds = 1e-3;
	tree = json_pack("{s:s,s:f,s:f,s:o,s:o}", "blade", s->name, "time",
			 milli(to->when), "interval_s", milli(v.seconds), "total",
			 total(&v), "cores", cores(&v));
	if (s->residence)
		json_object_set_new(tree, "residence", top_latency_tree(from, to));
	if (!s->locality)
		json_object_set_new(tree, "local_unknown", json_string(s->locality_why));
	return tree;
}
