/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the NIC's ingress: which frames go into the namespace, and taking that back. */
#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#include "tc/ends.h"
#include "tc/numbers.h"
#include "tc/tc.h"
#include "tc/undo.h"

/* One side's redirect as flower or matchall for one protocol. */
static void nic_redirect(const struct tc_side *s, unsigned int protocol,
			 unsigned int pref, int nic, int host, struct ends *out)
{
	struct filter *f = ends_add(out, s->nic, nic, pref, s->vlan);

	f->kind = protocol == ETH_P_8021Q ? FILTER_FLOWER : FILTER_MATCHALL;
	f->protocol = protocol;
	f->vlan = s->vlan;
	f->action = FILTER_REDIRECT;
	f->target_ifindex = host;
	snprintf(f->target[0], sizeof(f->target[0]), "%s", s->host);
}

/*
 * The paper's filter, flower vlan_id N. An untagged side takes what a router lives on
 * (IPv4, IPv6, ARP) and priority-tagged frames (VLAN id 0); LLDP, LACP, 802.1X and
 * other VLANs stay the host's.
 */
static void nic_mirred(const struct tc_side *s, int nic, int host, struct ends *out)
{
	nic_redirect(s, ETH_P_8021Q, NUMBERS_PREF_VLAN, nic, host, out);
	if (s->vlan)
		return;
	nic_redirect(s, ETH_P_IP, NUMBERS_PREF_IPV4, nic, host, out);
	nic_redirect(s, ETH_P_IPV6, NUMBERS_PREF_IPV6, nic, host, out);
	nic_redirect(s, ETH_P_ARP, NUMBERS_PREF_ARP, nic, host, out);
}

static bool nic_shared(const struct tc_plan *p)
{
	return !strcmp(p->side[0].nic, p->side[1].nic);
}

/* One program a NIC, for both sides where they share it. */
static void nic_program(const struct tc_plan *p, int side, const int nic[2],
			const int host[2], struct ends *out)
{
	const struct tc_side *s = &p->side[side];
	struct filter *f;

	if (side && nic_shared(p))
		return;
	f = ends_add(out, s->nic, nic[side], NUMBERS_PREF_BPF, s->vlan);
	f->kind = FILTER_BPF;
	f->program.kind = PROGRAM_NIC;
	for (int i = 0; i < 2; i++) {
		if (i != side && !nic_shared(p))
			continue;
		f->program.vlan[i] = p->side[i].vlan;
		f->program.ifindex[i] = (unsigned int)host[i];
		snprintf(f->target[i], sizeof(f->target[i]), "%s", p->side[i].host);
	}
}

static void nic_filters(const struct tc_plan *p, const int nic[2], const int host[2],
			struct ends *out)
{
	for (int side = 0; side < 2; side++) {
		if (p->datapath == TC_DATAPATH_BPF)
			nic_program(p, side, nic, host, out);
		else
			nic_mirred(&p->side[side], nic[side], host[side], out);
	}
}

static int nic_lookup(const struct tc_plan *p, struct netlink *nl, struct ends *out,
		      struct error *err)
{
	int nic[2], host[2];

	for (int side = 0; side < 2; side++) {
		nic[side] = netlink_ifindex(nl, p->side[side].nic, err);
		if (nic[side] < 0)
			return nic[side];
		host[side] = netlink_ifindex(nl, p->side[side].host, err);
		if (host[side] < 0)
			return host[side];
	}
	nic_filters(p, nic, host, out);
	return 0;
}

int tc_nic_record(const struct tc_plan *p, json_t **out, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct ends ends = { .n = 0 };
	int r = netlink_open(-1, &nl, err);

	if (!r)
		r = nic_lookup(p, nl, &ends, err);
	return r < 0 ? r : undo_record(nl, &ends, out, err);
}

int tc_nic_apply(const struct tc_plan *p, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct ends ends = { .n = 0 };
	int r = netlink_open(-1, &nl, err);

	if (!r)
		r = nic_lookup(p, nl, &ends, err);
	return r < 0 ? r : ends_apply(nl, &ends, err);
}

int tc_nic_probe(const struct tc_plan *p, enum step_state *state, struct text *detail,
		 struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct ends ends = { .n = 0 };
	int r = netlink_open(-1, &nl, err);

	if (r < 0)
		return r;
	r = nic_lookup(p, nl, &ends, err);
	if (r < 0)
		return ends_missing(r, state, detail, err);
	return filters_probe(nl, ends.filter, ends.n, state, detail, err);
}

void tc_nic_describe(const struct tc_plan *p, struct text *out)
{
	struct ends ends = { .n = 0 };
	const int none[2] = { 0 };

	nic_filters(p, none, none, &ends);
	ends_describe(&ends, NULL, out);
}
