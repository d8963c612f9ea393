/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the pair of programs that measure residence time: on the NIC, read, and off. */
#include "tc/residence.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"
#include "tc/program.h"
#include "tc/residence_hook.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* generated code */
#include "tc/residence.skel.h"
#pragma GCC diagnostic pop

struct residence {
	struct residence_bpf *skeleton;
	struct residence_hooks hooks; /* whose nsfd is a copy */
	bool open;                    /* they are to be detached */
};

/* In the namespace. */
static int names_resolve(void *arg, struct error *err)
{
	struct residence *r = arg;

	for (int i = 0; i < 2; i++) {
		r->hooks.ifindex[i] = if_nametoindex(r->hooks.nic[i]);
		if (!r->hooks.ifindex[i])
			return error_set(err, errno, "find the interface %s",
					 r->hooks.nic[i]);
	}
	return 0;
}

static int skeleton_load(const struct residence_plan *plan, const unsigned int ifindex[2],
			 struct residence_bpf **out, struct error *err)
{
	struct residence_bpf *s;
	int n;

	program_quieten();
	s = residence_bpf__open();
	if (!s)
		return error_set(err, errno, "open residence.bpf.o");
	for (int i = 0; i < 2; i++) {
		s->rodata->side_ifindex[i] = ifindex[i];
		s->rodata->side_vlan[i] = plan->vlan[i];
	}
	s->rodata->by_flow = plan->by_flow;
	n = residence_bpf__load(s);
	if (n < 0) {
		residence_bpf__destroy(s);
		return error_set(err, -n, "load the BPF programs of tc/residence");
	}
	*out = s;
	return 0;
}

int residence_open(int nsfd, const struct residence_plan *plan, struct residence **out,
		   struct error *err)
{
	struct residence *r = memory_new(1, sizeof(*r));
	struct residence_hooks *h = &r->hooks;
	struct error ignored;
	int n = 0;

	memcpy(h->nic, plan->nic, sizeof(h->nic));
	h->filters = plan->filters;
	h->nsfd = nsfd < 0 ? -1 : fcntl(nsfd, F_DUPFD_CLOEXEC, 3);
	if (nsfd >= 0 && h->nsfd < 0)
		n = error_set(err, errno, "keep the network namespace");
	if (!n)
		n = namespace_call(h->nsfd, names_resolve, r, err);
	if (!n)
		n = skeleton_load(plan, h->ifindex, &r->skeleton, err);
	if (!n) {
		h->program[0] = bpf_program__fd(r->skeleton->progs.residence_in);
		h->program[1] = bpf_program__fd(r->skeleton->progs.residence_out);
		r->open = true;
		n = residence_attach(h, err);
	}
	if (n < 0) {
		(void)residence_close(r, &ignored);
		return n;
	}
	*out = r;
	return 0;
}

int residence_close(struct residence *r, struct error *err)
{
	int n;

	if (!r)
		return 0;
	n = r->open ? residence_detach(&r->hooks, err) : 0;
	if (r->skeleton)
		residence_bpf__destroy(r->skeleton);
	if (r->hooks.nsfd >= 0)
		close(r->hooks.nsfd);
	free(r);
	return n;
}

/* The sum over all CPUs. */
static int slot_read(int map, uint32_t index, uint64_t *each, int cpus, uint64_t *out,
		     struct error *err)
{
	*out = 0;
	if (bpf_map_lookup_elem(map, &index, each) < 0)
		return error_set(err, errno, "read what the probe saw");
	for (int i = 0; i < cpus; i++)
		*out += each[i];
	return 0;
}

int residence_read(const struct residence *r, int to, struct residence_way *out,
		   struct error *err)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *each =
		memory_new(cpus > 0 ? (size_t)cpus : 1, sizeof(*each));
	uint64_t *counter[RESIDENCE_COUNTERS] = { &out->in, &out->out, &out->matched };
	int counters = bpf_map__fd(r->skeleton->maps.counters);
	int buckets = bpf_map__fd(r->skeleton->maps.buckets);
	int n = cpus < 0 ? error_set(err, -cpus, "count the CPUs") : 0;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; !n && i < RESIDENCE_COUNTERS; i++)
		n = slot_read(counters, (uint32_t)to * RESIDENCE_COUNTERS + i, each, cpus,
			      counter[i], err);
	for (uint32_t i = 0; !n && i < RESIDENCE_BUCKETS; i++)
		n = slot_read(buckets, (uint32_t)to * RESIDENCE_BUCKETS + i, each, cpus,
			      &out->bucket[i], err);
	return n;
}

void residence_merge(struct residence_way *into, const struct residence_way *from)
{
	into->in += from->in;
	into->out += from->out;
	into->matched += from->matched;
	for (int i = 0; i < RESIDENCE_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

double residence_middle(unsigned int bucket)
{
	unsigned int shift;
	uint64_t low;

	if (bucket < 2 * RESIDENCE_STEPS)
		return bucket;
	shift = bucket / RESIDENCE_STEPS - 1;
	low = (uint64_t)(bucket - shift * RESIDENCE_STEPS) << shift;
	return (double)low + (double)(UINT64_C(1) << shift) / 2;
}

double residence_percentile(const struct residence_way *way, double percent)
{
	uint64_t all = 0, sum = 0;

	for (int i = 0; i < RESIDENCE_BUCKETS; i++)
		all += way->bucket[i];
	for (unsigned int i = 0; all && i < RESIDENCE_BUCKETS; i++) {
		sum += way->bucket[i];
		if ((double)sum >= (double)all * percent / 100 && sum)
			return residence_middle(i);
	}
	return 0;
}
