/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the pair of filters of tc/reset, which is one only while they share a map. */
#include <errno.h>

#include "tc/numbers.h"
#include "tc/reset.h"

void reset_add(int side, const char *dev, int ifindex, const struct ports *answered,
	       struct ends *out)
{
	unsigned int pref = side ? NUMBERS_PREF_RESET_IN : NUMBERS_PREF_RESET_OUT;
	struct filter *f = ends_add(out, dev, ifindex, pref, 0);

	f->kind = FILTER_BPF;
	f->egress = !side;
	f->program.kind = side ? PROGRAM_RESET_IN : PROGRAM_RESET_OUT;
	if (side)
		f->program.ports = *answered;
}

/* NULL: not in this plan. */
static const struct filter *reset_filter(const struct ends *e, enum program_kind kind)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->filter[i].kind == FILTER_BPF && e->filter[i].program.kind == kind)
			return &e->filter[i];
	}
	return NULL;
}

/* The map that the filter's program has; *parent is how its qdisc is named. */
static int reset_map(struct netlink *nl, const struct filter *f, uint32_t *map,
		     uint32_t *parent, struct error *err)
{
	struct seen found;
	int r = filter_find(nl, f, &found, err);

	if (r < 0)
		return r;
	*parent = found.parent;
	return program_map(found.program, map, err);
}

int reset_join(struct netlink *nl, const struct ends *e, struct error *err)
{
	const struct filter *in = reset_filter(e, PROGRAM_RESET_IN);
	const struct filter *out = reset_filter(e, PROGRAM_RESET_OUT);
	uint32_t wanted = 0, has = 0, parent = 0;
	struct filter put;
	int r;

	if (!in || !out)
		return 0;
	r = reset_map(nl, in, &wanted, &parent, err);
	if (!r)
		r = reset_map(nl, out, &has, &parent, err);
	if (r < 0 || has == wanted)
		return r;
	put = *out;
	put.parent = parent;
	put.program.map = wanted;
	return filter_put(nl, &put, true, err);
}

int reset_probe(struct netlink *nl, const struct ends *e, enum step_state *state,
		struct text *detail, struct error *err)
{
	const struct filter *in = reset_filter(e, PROGRAM_RESET_IN);
	const struct filter *out = reset_filter(e, PROGRAM_RESET_OUT);
	uint32_t one = 0, other = 0, parent = 0;
	int r;

	if (!in || !out || *state != STEP_PRESENT)
		return 0;
	r = reset_map(nl, in, &one, &parent, err);
	if (!r)
		r = reset_map(nl, out, &other, &parent, err);
	if (r < 0 || one == other)
		return r;
	text_line(detail,
		  "egress of '%s', pref %u: does not share the map of ingress of '%s', "
		  "pref %u",
		  out->dev, out->pref, in->dev, in->pref);
	*state = STEP_DIFFERS;
	return 0;
}
