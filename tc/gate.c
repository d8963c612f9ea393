/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the gate as hapep sees it: finding tc/steer's maps, giving orders, reading. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"
#include "tc/gate.h"
#include "tc/numbers.h"
#include "tc/program.h"
#include "tc/seen.h"
#include "tc/tc.h"

#define GATE_FIRST_MS 1000 /* a supervisor has found a new gate by then */
#define GATE_MAPS     8    /* more than tc/steer has */

/* One side's program and its maps. */
struct gate_side {
	char inner[IFNAMSIZ];
	uint32_t program; /* the kernel's id; 0: not found yet */
	int order, counters;
};

struct tc_gate {
	struct netlink *nl;
	bool fail_closed;
	unsigned int proxy_port;
	struct gate_side side[2];
};

const char *tc_gate_state_name(enum tc_gate_state s)
{
	static const char *const names[] = { "pass", "open", "drained" };

	return names[s];
}

static uint64_t gate_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t); /* bpf_ktime_get_ns() is this one */
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void gate_forget(struct gate_side *s)
{
	cleanup_close(&s->order);
	cleanup_close(&s->counters);
	s->order = s->counters = -1;
	s->program = 0;
}

/* Keeps the map where it is one of the two. */
static int gate_take_map(struct gate_side *s, uint32_t id, struct error *err)
{
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(id);
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return error_set(err, errno, "ask about a map of tc/steer on '%s'",
				 s->inner);
	if (!strcmp(info.name, GATE_MAP_ORDER) &&
	    info.value_size == sizeof(struct gate_order))
		s->order = take_fd(fd);
	else if (!strcmp(info.name, GATE_MAP_COUNTERS) &&
		 info.value_size == sizeof(struct gate_counters))
		s->counters = take_fd(fd);
	return 0;
}

static int gate_take(struct gate_side *s, uint32_t program, struct error *err)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(program);
	struct bpf_prog_info info = { 0 };
	uint32_t maps[GATE_MAPS] = { 0 };
	__u32 size = sizeof(info);
	int r = 0;

	gate_forget(s);
	info.map_ids = (__u64)(unsigned long)maps;
	info.nr_map_ids = GATE_MAPS;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return error_set(err, errno, "ask about the program on '%s'", s->inner);
	for (__u32 i = 0; i < info.nr_map_ids && i < GATE_MAPS && !r; i++)
		r = gate_take_map(s, maps[i], err);
	if (r < 0 || (s->order >= 0 && s->counters >= 0)) {
		s->program = r < 0 ? 0 : program;
		return r;
	}
	gate_forget(s);
	return error_say(err, ENOENT,
			 "the program on '%s' has no gate: `hapep up` puts another in "
			 "its place",
			 s->inner);
}

/* The program that is there now; it may be another than the last time. */
static int gate_look(struct tc_gate *g, struct gate_side *s, struct error *err)
{
	_cleanup_seen_ struct seen_list list = { 0 };
	int r = netlink_ifindex(g->nl, s->inner, err);

	if (r >= 0)
		r = seen_read(g->nl, r, false, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		const struct seen *f = &list.seen[i];

		if (f->pref != NUMBERS_PREF_STEER || f->handle != NUMBERS_HANDLE ||
		    strcmp(f->kind, "bpf"))
			continue;
		return f->program == s->program ? 0 : gate_take(s, f->program, err);
	}
	gate_forget(s);
	return error_say(err, ENOENT, "ingress of '%s': tc/steer is not there", s->inner);
}

static int gate_look_both(struct tc_gate *g, struct error *err)
{
	int r = gate_look(g, &g->side[0], err);

	return r < 0 ? r : gate_look(g, &g->side[1], err);
}

int tc_gate_find(const struct tc_plan *p, int nsfd, struct tc_gate **out,
		 struct error *err)
{
	_cleanup_close_ int named = nsfd < 0 ? namespace_open(p->netns, err) : -1;
	struct tc_gate *g;
	int r;

	if (nsfd < 0 && named < 0)
		return named;
	g = memory_new(1, sizeof(*g));
	*g = (struct tc_gate){ .fail_closed = p->fail_closed,
			       .proxy_port = p->proxy_port };
	for (int i = 0; i < 2; i++) {
		g->side[i] = (struct gate_side){ .order = -1, .counters = -1 };
		memcpy(g->side[i].inner, p->side[i].inner, sizeof(g->side[i].inner));
	}
	r = netlink_open(nsfd < 0 ? named : nsfd, &g->nl, err);
	if (!r)
		r = gate_look_both(g, err);
	if (r < 0) {
		tc_gate_close(g);
		return r;
	}
	*out = g;
	return 0;
}

void tc_gate_close(struct tc_gate *g)
{
	if (!g)
		return;
	for (int i = 0; i < 2; i++)
		gate_forget(&g->side[i]);
	netlink_cleanup(&g->nl);
	free(g);
}

void tc_gate_point(struct tc_gate *g, unsigned int proxy_port)
{
	g->proxy_port = proxy_port;
}

static int gate_read_order(const struct gate_side *s, struct gate_order *out,
			   struct error *err)
{
	uint32_t key = 0;

	if (bpf_map_lookup_elem(s->order, &key, out) < 0)
		return error_set(err, errno, "read the gate of '%s'", s->inner);
	return 0;
}

int tc_gate_set(struct tc_gate *g, enum tc_gate_state state, unsigned int hold_ms,
		struct error *err)
{
	struct gate_order order = { .until = GATE_UNTIL_PASS,
				    .proxy_port = g->proxy_port };
	int r = gate_look_both(g, err);
	uint32_t key = 0;

	if (state == TC_GATE_OPEN)
		order.until = gate_now() + hold_ms * 1000000ULL;
	else if (state == TC_GATE_DRAINED)
		order.until = GATE_UNTIL_DRAINED;
	for (int i = 0; i < 2 && !r; i++) {
		struct gate_order was = { 0 };

		r = gate_read_order(&g->side[i], &was, err);
		order.forwarded = was.forwarded || state == TC_GATE_DRAINED;
		if (!r && bpf_map_update_elem(g->side[i].order, &key, &order, BPF_ANY))
			r = error_set(err, errno, "set the gate of '%s'",
				      g->side[i].inner);
	}
	return r;
}

int tc_gate_mix(const struct tc_plan *p, struct error *err)
{
	struct gate_order order = { 0 };
	struct tc_gate *g = NULL;
	uint32_t key = 0;
	int r = tc_gate_find(p, -1, &g, err);

	for (int i = 0; i < 2 && !r; i++) {
		r = gate_read_order(&g->side[i], &order, err);
		order.forwarded = 1;
		if (!r && bpf_map_update_elem(g->side[i].order, &key, &order, BPF_ANY))
			r = error_set(err, errno, "set the gate of '%s'",
				      g->side[i].inner);
	}
	tc_gate_close(g);
	return r;
}

int tc_gate_begin(const struct tc_plan *p, struct error *err)
{
	struct gate_order order = { .until = GATE_UNTIL_FRESH };
	struct tc_gate *g = NULL;
	uint32_t key = 0;
	int r = tc_gate_find(p, -1, &g, err);

	for (int i = 0; i < 2 && !r; i++) {
		r = gate_read_order(&g->side[i], &order, err);
		if (r < 0 || order.until != GATE_UNTIL_FRESH)
			continue;
		order.until = gate_now() + GATE_FIRST_MS * 1000000ULL;
		order.proxy_port = p->proxy_port;
		if (bpf_map_update_elem(g->side[i].order, &key, &order, BPF_ANY))
			r = error_set(err, errno, "set the gate of '%s'",
				      g->side[i].inner);
	}
	tc_gate_close(g);
	return r;
}

static int gate_read_counters(const struct gate_side *s, struct tc_gate_reading *out,
			      struct error *err)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct gate_counters *each = NULL;
	uint32_t key = 0;

	if (cpus < 0)
		return error_set(err, -cpus, "count the CPUs");
	each = memory_new((size_t)cpus, sizeof(*each));
	if (bpf_map_lookup_elem(s->counters, &key, each) < 0)
		return error_set(err, errno, "read the gate's counters of '%s'",
				 s->inner);
	for (int i = 0; i < cpus; i++) {
		out->connections += each[i].connections;
		out->packets += each[i].packets;
	}
	return 0;
}

/* The client side's program is the one that meets what is new. */
int tc_gate_read(struct tc_gate *g, struct tc_gate_reading *out, struct error *err)
{
	struct gate_order order = { 0 };
	uint64_t now;
	int r = gate_look_both(g, err);

	*out = (struct tc_gate_reading){ .state = TC_GATE_PASS };
	if (!r)
		r = gate_read_order(&g->side[0], &order, err);
	for (int i = 0; i < 2 && !r; i++)
		r = gate_read_counters(&g->side[i], out, err);
	if (r < 0)
		return r;
	now = gate_now();
	if (order.until == GATE_UNTIL_DRAINED)
		out->state = TC_GATE_DRAINED;
	else if (g->fail_closed || now < order.until)
		out->state = TC_GATE_OPEN;
	else if (order.until > GATE_UNTIL_PASS)
		out->shut_ms = (unsigned int)((now - order.until) / 1000000);
	return 0;
}
