/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the netlink messages that make and unmake filters. */
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_vlan.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/act/mirred.h>
#include <netlink/route/act/vlan.h>
#include <netlink/route/action.h>
#include <netlink/route/classifier.h>
#include <netlink/route/cls/flower.h>
#include <netlink/route/cls/matchall.h>
#include <netlink/route/tc.h>
#include <stdlib.h>
#include <string.h>

#include "tc/message.h"

static struct rtnl_act *message_redirect(const struct filter *f)
{
	struct rtnl_act *act = rtnl_act_alloc();

	if (!act || rtnl_tc_set_kind(TC_CAST(act), "mirred") < 0)
		abort();
	rtnl_mirred_set_action(act, TCA_EGRESS_REDIR);
	rtnl_mirred_set_policy(act, TC_ACT_STOLEN);
	rtnl_mirred_set_ifindex(act, (uint32_t)f->target_ifindex);
	return act;
}

/* A pop ends in "continue": tc/steer has yet to see the packet. */
static struct rtnl_act *message_tag(const struct filter *f)
{
	struct rtnl_act *act = rtnl_act_alloc();

	if (!act || rtnl_tc_set_kind(TC_CAST(act), "vlan") < 0)
		abort();
	if (f->action == FILTER_POP) {
		rtnl_vlan_set_mode(act, TCA_VLAN_ACT_POP);
		rtnl_vlan_set_action(act, TC_ACT_UNSPEC);
		return act;
	}
	rtnl_vlan_set_mode(act, TCA_VLAN_ACT_PUSH);
	rtnl_vlan_set_action(act, TC_ACT_PIPE);
	rtnl_vlan_set_vlan_id(act, (uint16_t)f->vlan);
	return act;
}

static struct rtnl_cls *message_classifier(const struct filter *f)
{
	struct rtnl_cls *cls = rtnl_cls_alloc();

	if (!cls)
		abort();
	rtnl_tc_set_ifindex(TC_CAST(cls), f->ifindex);
	rtnl_tc_set_parent(TC_CAST(cls), f->parent ? f->parent : seen_parent(f->egress));
	rtnl_tc_set_handle(TC_CAST(cls), f->handle);
	rtnl_cls_set_prio(cls, (uint16_t)f->pref);
	rtnl_cls_set_protocol(cls, (uint16_t)f->protocol);
	return cls;
}

static struct rtnl_act *message_act(const struct filter *f)
{
	return f->action == FILTER_REDIRECT ? message_redirect(f) : message_tag(f);
}

struct nl_msg *message_filter(const struct filter *f, int flags)
{
	struct rtnl_cls *cls = message_classifier(f);
	struct rtnl_act *act = message_act(f);
	struct nl_msg *msg = NULL;
	int r = rtnl_tc_set_kind(TC_CAST(cls), filter_kind_name(f->kind));

	if (!r && f->kind == FILTER_FLOWER) {
		rtnl_flower_set_proto(cls, (uint16_t)f->protocol);
		rtnl_flower_set_vlan_id(cls, (uint16_t)f->vlan);
		r = rtnl_flower_append_action(cls, act);
	} else if (!r) {
		r = rtnl_mall_append_action(cls, act);
	}
	if (!r)
		r = rtnl_cls_build_add_request(cls, flags, &msg);
	rtnl_act_put(act);
	rtnl_cls_put(cls);
	return r < 0 ? NULL : msg;
}

struct nl_msg *message_request(int type, int flags, const struct seen *key)
{
	struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = key->ifindex,
		.tcm_parent = key->parent ? key->parent : seen_parent(key->egress),
		.tcm_handle = key->handle,
		.tcm_info = TC_H_MAKE(key->pref << 16, htons((uint16_t)key->protocol))
	};
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg || nlmsg_append(msg, &tcm, sizeof(tcm), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, TCA_KIND, key->kind) < 0)
		abort();
	return msg;
}

struct nl_msg *message_program(const struct filter *f, int flags, int fd)
{
	struct seen key = { .ifindex = f->ifindex,
			    .egress = f->egress,
			    .parent = f->parent,
			    .kind = "bpf",
			    .pref = f->pref,
			    .protocol = f->protocol,
			    .handle = f->handle };
	struct nl_msg *msg = message_request(RTM_NEWTFILTER, flags, &key);
	struct nlattr *options = nla_nest_start(msg, TCA_OPTIONS);

	if (!options || nla_put_u32(msg, TCA_BPF_FD, (uint32_t)fd) < 0 ||
	    nla_put_string(msg, TCA_BPF_NAME, program_name(f->program.kind)) < 0 ||
	    nla_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT) < 0)
		abort();
	nla_nest_end(msg, options);
	return msg;
}

struct nl_msg *message_action(const struct filter *f)
{
	struct rtnl_act *act = message_act(f);
	struct nl_msg *msg = NULL;
	int r = rtnl_act_build_add_request(act, NLM_F_CREATE, &msg);

	rtnl_act_put(act);
	return r < 0 ? NULL : msg;
}

struct nl_msg *message_bare(const struct filter *f)
{
	struct seen key = { .ifindex = f->ifindex,
			    .pref = f->pref,
			    .protocol = f->protocol,
			    .handle = f->handle };
	struct nl_msg *msg;
	struct nlattr *options;
	int r;

	strncpy(key.kind, filter_kind_name(f->kind), sizeof(key.kind) - 1);
	msg = message_request(RTM_NEWTFILTER, NLM_F_CREATE, &key);
	options = nla_nest_start(msg, TCA_OPTIONS);
	if (!options)
		abort();
	if (f->kind == FILTER_FLOWER)
		r = nla_put_u16(msg, TCA_FLOWER_KEY_ETH_TYPE,
				htons((uint16_t)f->protocol));
	else
		r = nla_put_u32(msg, TCA_MATCHALL_CLASSID, 1);
	if (r < 0)
		abort();
	nla_nest_end(msg, options);
	return msg;
}
