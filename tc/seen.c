/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns listing the filters of a device and taking the kernel's messages apart. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_vlan.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tc/seen.h"

#define SEEN_TRIES 5 /* a list that changed meanwhile is asked for again */

uint32_t seen_parent(bool egress)
{
	return TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
}

static void seen_copy(char *out, size_t size, const struct nlattr *attr)
{
	if (attr)
		nla_strlcpy(out, attr, size);
}

static void seen_vlan(struct nlattr *options, struct seen_action *a)
{
	struct nlattr *tb[TCA_VLAN_MAX + 1];
	struct tc_vlan parms = { 0 };

	if (nla_parse_nested(tb, TCA_VLAN_MAX, options, NULL) < 0)
		return;
	if (tb[TCA_VLAN_PARMS])
		nla_memcpy(&parms, tb[TCA_VLAN_PARMS], sizeof(parms));
	a->control = parms.action;
	a->vlan_action = parms.v_action;
	if (tb[TCA_VLAN_PUSH_VLAN_ID])
		a->vlan = nla_get_u16(tb[TCA_VLAN_PUSH_VLAN_ID]);
	if (tb[TCA_VLAN_PUSH_VLAN_PROTOCOL])
		a->proto = ntohs(nla_get_u16(tb[TCA_VLAN_PUSH_VLAN_PROTOCOL]));
}

static void seen_mirred(struct nlattr *options, struct seen_action *a)
{
	struct nlattr *tb[TCA_MIRRED_MAX + 1];
	struct tc_mirred parms = { 0 };

	if (nla_parse_nested(tb, TCA_MIRRED_MAX, options, NULL) < 0)
		return;
	if (tb[TCA_MIRRED_PARMS])
		nla_memcpy(&parms, tb[TCA_MIRRED_PARMS], sizeof(parms));
	a->control = parms.action;
	a->mirred_action = parms.eaction;
	a->ifindex = (int)parms.ifindex;
}

static void seen_actions(const struct nlattr *list, struct seen *s)
{
	struct nlattr *one;
	int remaining;

	nla_for_each_nested(one, list, remaining)
	{
		struct seen_action *a = &s->action[s->n_actions];
		struct nlattr *tb[TCA_ACT_MAX + 1];

		if (s->n_actions++ >= SEEN_ACTIONS)
			continue;
		if (nla_parse_nested(tb, TCA_ACT_MAX, one, NULL) < 0)
			continue;
		seen_copy(a->kind, sizeof(a->kind), tb[TCA_ACT_KIND]);
		if (!tb[TCA_ACT_OPTIONS])
			continue;
		if (!strcmp(a->kind, "vlan"))
			seen_vlan(tb[TCA_ACT_OPTIONS], a);
		else if (!strcmp(a->kind, "mirred"))
			seen_mirred(tb[TCA_ACT_OPTIONS], a);
	}
}

static void seen_flower(struct nlattr *options, struct seen *s)
{
	struct nlattr *attr;
	int remaining;

	nla_for_each_nested(attr, options, remaining)
	{
		switch (nla_type(attr)) {
		case TCA_FLOWER_ACT:
			seen_actions(attr, s);
			break;
		case TCA_FLOWER_KEY_VLAN_ID:
			s->vlan = nla_get_u16(attr);
			break;
		case TCA_FLOWER_CLASSID:
		case TCA_FLOWER_FLAGS:
		case TCA_FLOWER_IN_HW_COUNT:
		case TCA_FLOWER_KEY_ETH_TYPE: /* the filter's protocol again */
			break;
		default:
			s->other_keys++;
		}
	}
}

static void seen_matchall(struct nlattr *options, struct seen *s)
{
	struct nlattr *tb[TCA_MATCHALL_MAX + 1];

	if (nla_parse_nested(tb, TCA_MATCHALL_MAX, options, NULL) < 0)
		return;
	if (tb[TCA_MATCHALL_ACT])
		seen_actions(tb[TCA_MATCHALL_ACT], s);
}

static void seen_program(struct nlattr *options, struct seen *s)
{
	struct nlattr *tb[TCA_BPF_MAX + 1];

	if (nla_parse_nested(tb, TCA_BPF_MAX, options, NULL) < 0)
		return;
	if (tb[TCA_BPF_FLAGS])
		s->direct_action =
			nla_get_u32(tb[TCA_BPF_FLAGS]) & TCA_BPF_FLAG_ACT_DIRECT;
	if (tb[TCA_BPF_ID])
		s->program = nla_get_u32(tb[TCA_BPF_ID]);
	if (tb[TCA_BPF_ACT])
		seen_actions(tb[TCA_BPF_ACT], s);
}

struct seen_walk {
	struct seen_list *list;
	int ifindex;
	bool egress;
};

static int seen_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct seen_walk *walk = arg;
	struct nlattr *tb[TCA_MAX + 1];
	struct tcmsg *tcm = nlmsg_data(header);
	struct seen *s;

	if (header->nlmsg_type != RTM_NEWTFILTER ||
	    nlmsg_parse(header, sizeof(*tcm), tb, TCA_MAX, NULL) < 0 ||
	    tcm->tcm_ifindex != walk->ifindex)
		return NL_OK;
	s = realloc(walk->list->seen, (walk->list->n + 1) * sizeof(*s));
	if (!s)
		abort();
	walk->list->seen = s;
	s += walk->list->n++;
	*s = (struct seen){ .ifindex = walk->ifindex,
			    .egress = walk->egress,
			    .pref = TC_H_MAJ(tcm->tcm_info) >> 16,
			    .protocol = ntohs((uint16_t)TC_H_MIN(tcm->tcm_info)),
			    .handle = tcm->tcm_handle,
			    .parent = tcm->tcm_parent,
			    .vlan = -1 };
	seen_copy(s->kind, sizeof(s->kind), tb[TCA_KIND]);
	if (tb[TCA_CHAIN])
		s->chain = nla_get_u32(tb[TCA_CHAIN]);
	if (!tb[TCA_OPTIONS])
		return NL_OK;
	if (!strcmp(s->kind, "flower"))
		seen_flower(tb[TCA_OPTIONS], s);
	else if (!strcmp(s->kind, "matchall"))
		seen_matchall(tb[TCA_OPTIONS], s);
	else if (!strcmp(s->kind, "bpf"))
		seen_program(tb[TCA_OPTIONS], s);
	return NL_OK;
}

static int seen_ask(struct netlink *nl, struct seen_walk *walk)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = walk->ifindex,
			     .tcm_parent = seen_parent(walk->egress) };
	struct nl_sock *sock = netlink_sock(nl);
	int r = nl_send_simple(sock, RTM_GETTFILTER, NLM_F_DUMP, &tcm, sizeof(tcm));

	if (r < 0)
		return r;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, seen_message, walk);
	r = nl_recvmsgs_default(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	return r;
}

int seen_read(struct netlink *nl, int ifindex, bool egress, struct seen_list *out,
	      struct error *err)
{
	struct seen_walk walk = { .list = out, .ifindex = ifindex, .egress = egress };
	int r = -NLE_DUMP_INTR;

	for (int i = 0; i < SEEN_TRIES && r == -NLE_DUMP_INTR; i++) {
		seen_free(out);
		r = seen_ask(nl, &walk);
	}
	return netlink_result(nl, r, err, "list the tc filters of interface %d", ifindex);
}

void seen_free(struct seen_list *list)
{
	free(list->seen);
	*list = (struct seen_list){ 0 };
}
