/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the host ends of the veth pairs: what leaves the namespace goes to the NIC. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tc/ends.h"
#include "tc/numbers.h"
#include "tc/tc.h"
#include "tc/undo.h"

static void host_filter(const struct tc_plan *p, int side, int ifindex, int nic,
			struct ends *out)
{
	const struct tc_side *s = &p->side[side];
	bool bpf = p->datapath == TC_DATAPATH_BPF;
	struct filter *f = ends_add(out, s->host, ifindex,
				    bpf ? NUMBERS_PREF_BPF : NUMBERS_PREF_VLAN, s->vlan);

	snprintf(f->target[0], sizeof(f->target[0]), "%s", s->nic);
	if (bpf) {
		f->kind = FILTER_BPF;
		f->program.kind = PROGRAM_HOST;
		f->program.vlan[0] = s->vlan;
		f->program.ifindex[0] = (unsigned int)nic;
		return;
	}
	f->kind = FILTER_MATCHALL;
	f->action = FILTER_REDIRECT;
	f->target_ifindex = nic;
}

static int host_filters(const struct tc_plan *p, struct netlink *nl, struct ends *out,
			struct error *err)
{
	for (int side = 0; side < 2; side++) {
		int end = netlink_ifindex(nl, p->side[side].host, err);
		int nic = end < 0 ? end : netlink_ifindex(nl, p->side[side].nic, err);

		if (nic < 0)
			return nic;
		host_filter(p, side, end, nic, out);
	}
	return 0;
}

int tc_host_apply(const struct tc_plan *p, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct ends ends = { .n = 0 };
	int r = netlink_open(-1, &nl, err);

	if (!r)
		r = host_filters(p, nl, &ends, err);
	return r < 0 ? r : ends_apply(nl, &ends, err);
}

int tc_host_record(const struct tc_plan *p, json_t **out, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct ends ends = { .n = 0 };
	int r = netlink_open(-1, &nl, err);

	if (!r)
		r = host_filters(p, nl, &ends, err);
	return r < 0 ? r : undo_record(nl, &ends, out, err);
}

int tc_host_probe(const struct tc_plan *p, enum step_state *state, struct text *detail,
		  struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct ends ends = { .n = 0 };
	int r = netlink_open(-1, &nl, err);

	if (r < 0)
		return r;
	r = host_filters(p, nl, &ends, err);
	if (r < 0)
		return ends_missing(r, state, detail, err);
	return filters_probe(nl, ends.filter, ends.n, state, detail, err);
}

void tc_host_describe(const struct tc_plan *p, struct text *out)
{
	struct ends ends = { .n = 0 };

	for (int side = 0; side < 2; side++)
		host_filter(p, side, 0, 0, &ends);
	ends_describe(&ends, NULL, out);
}
