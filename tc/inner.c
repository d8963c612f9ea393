/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the veth pairs' ends in the namespace: the tag, tc/steer, tc/reset. */
#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "tc/ends.h"
#include "tc/numbers.h"
#include "tc/reset.h"
#include "tc/tc.h"
#include "tc/undo.h"

static void inner_tag(const struct tc_side *s, int ifindex, struct ends *out)
{
	struct filter *f = ends_add(out, s->inner, ifindex, NUMBERS_PREF_VLAN, s->vlan);

	f->kind = FILTER_FLOWER;
	f->protocol = ETH_P_8021Q;
	f->vlan = s->vlan;
	f->action = FILTER_POP;
	f = ends_add(out, s->inner, ifindex, NUMBERS_PREF_VLAN, s->vlan);
	f->kind = FILTER_MATCHALL;
	f->egress = true;
	f->vlan = s->vlan;
	f->action = FILTER_PUSH;
}

/* ifindex: of both sides' inner ends. */
static void inner_filters(const struct tc_plan *p, int side, const int ifindex[2],
			  struct ends *out)
{
	const struct tc_side *s = &p->side[side];
	struct filter *f;

	if (p->datapath == TC_DATAPATH_MIRRED && s->vlan)
		inner_tag(s, ifindex[side], out);
	f = ends_add(out, s->inner, ifindex[side], NUMBERS_PREF_STEER, 0);
	f->kind = FILTER_BPF;
	f->program.kind = PROGRAM_STEER;
	f->program.own_marks = p->mark_server | p->mark_local | p->mark_pass;
	f->program.side_mark = side ? p->mark_server : 0;
	f->program.local_mark = p->mark_local;
	f->program.pass_mark = p->mark_pass;
	f->program.server_side = side;
	f->program.fail_closed = p->fail_closed;
	f->program.ports = p->ports;
	f->program.leaving = p->leaving;
	f->program.ifindex[0] = (unsigned int)ifindex[!side];
	if (p->reset)
		reset_add(side, s->inner, ifindex[side], &p->answered, out);
}

/* Both sides' filters, where the inner ends are. */
static int inner_add(const struct tc_plan *p, struct netlink *nl, struct ends *out,
		     struct error *err)
{
	int ifindex[2];

	for (int side = 0; side < 2; side++) {
		ifindex[side] = netlink_ifindex(nl, p->side[side].inner, err);
		if (ifindex[side] < 0)
			return ifindex[side];
	}
	for (int side = 0; side < 2; side++)
		inner_filters(p, side, ifindex, out);
	return 0;
}

/* Opens a socket inside the namespace and builds what belongs there. */
static int inner_open(const struct tc_plan *p, struct netlink **nl, struct ends *out,
		      struct error *err)
{
	_cleanup_close_ int netns = namespace_open(p->netns, err);
	int r = netns < 0 ? netns : netlink_open(netns, nl, err);

	if (r < 0)
		return r;
	r = inner_add(p, *nl, out, err);
	return r < 0 ? error_wrap(err, "namespace '%s'", p->netns) : 0;
}

int tc_inner_apply(const struct tc_plan *p, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct ends ends = { .n = 0 };
	int r = inner_open(p, &nl, &ends, err);

	if (!r)
		r = ends_apply(nl, &ends, err);
	if (!r)
		r = reset_join(nl, &ends, err);
	return r < 0 ? r : tc_gate_begin(p, err);
}

static bool inner_same_place(const struct filter *a, const struct filter *b)
{
	return a->ifindex == b->ifindex && a->egress == b->egress && a->pref == b->pref &&
	       a->handle == b->handle && a->kind == b->kind;
}

/* Takes out the filters of `was` in whose place `is` has none. */
static int inner_drop(struct netlink *nl, const struct ends *was, const struct ends *is,
		      struct error *err)
{
	struct seen found;
	int r = 0;

	for (size_t i = 0; i < was->n && !r; i++) {
		const struct filter *f = &was->filter[i];
		size_t k = 0;

		while (k < is->n && !inner_same_place(f, &is->filter[k]))
			k++;
		if (k < is->n)
			continue;
		r = filter_find(nl, f, &found, err);
		if (!r && found.handle)
			r = filter_delete(nl, f->dev, &found, err);
	}
	return r;
}

/* Whether ports become the service's that are not. */
static bool inner_gains(const struct tc_plan *from, const struct tc_plan *to)
{
	struct ports gained = { .n = 1 };

	return ports_combine(&to->ports, &to->ports, &from->ports, &gained, NULL) < 0 ||
	       gained.n;
}

int tc_inner_change(const struct tc_plan *from, const struct tc_plan *to,
		    struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct ends was = { .n = 0 }, is = { .n = 0 };
	int r = inner_open(to, &nl, &is, err);

	if (!r)
		r = inner_add(from, nl, &was, err);
	if (!r && to->fail_closed && inner_gains(from, to))
		r = tc_gate_mix(from, err);
	if (!r)
		r = tc_inner_apply(to, err);
	return r < 0 ? r : inner_drop(nl, &was, &is, err);
}

int tc_inner_record(const struct tc_plan *p, json_t **out, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct ends ends = { .n = 0 };
	int r = inner_open(p, &nl, &ends, err);

	if (!r)
		r = undo_record(nl, &ends, out, err);
	if (!r)
		json_object_set_new(*out, "netns", json_string(p->netns));
	return r;
}

int tc_inner_probe(const struct tc_plan *p, enum step_state *state, struct text *detail,
		   struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct ends ends = { .n = 0 };
	int r = inner_open(p, &nl, &ends, err);

	if (r < 0)
		return ends_missing(r, state, detail, err);
	r = filters_probe(nl, ends.filter, ends.n, state, detail, err);
	return r < 0 ? r : reset_probe(nl, &ends, state, detail, err);
}

void tc_inner_describe(const struct tc_plan *p, struct text *out)
{
	struct ends ends = { .n = 0 };

	for (int side = 0; side < 2; side++)
		inner_filters(p, side, (const int[2]){ 0, 0 }, &ends);
	ends_describe(&ends, p->netns, out);
}
