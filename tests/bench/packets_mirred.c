/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the one filter by which BPF has the rules and act_mirred redirects. */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>

#include "tests/bench/packets.h"

/* TCA_BPF_ACT, the first action: a redirect to the egress of a device. */
static void action_put(struct nl_msg *msg, unsigned int to)
{
	struct tc_mirred redirect = { .action = TC_ACT_STOLEN,
				      .eaction = TCA_EGRESS_REDIR,
				      .ifindex = to };
	struct nlattr *list = nla_nest_start(msg, TCA_BPF_ACT);
	struct nlattr *first = nla_nest_start(msg, 1);
	struct nlattr *options;

	if (!list || !first || nla_put_string(msg, TCA_ACT_KIND, "mirred") < 0)
		abort();
	options = nla_nest_start(msg, TCA_ACT_OPTIONS);
	if (!options || nla_put(msg, TCA_MIRRED_PARMS, sizeof(redirect), &redirect) < 0)
		abort();
	nla_nest_end(msg, options);
	nla_nest_end(msg, first);
	nla_nest_end(msg, list);
}

/* Without TCA_BPF_FLAG_ACT_DIRECT what the program returns is a class, not an action. */
static struct nl_msg *filter_message(int program, unsigned int index, unsigned int to)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = (int)index,
			     .tcm_handle = 1,
			     .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
			     .tcm_info =
				     TC_H_MAKE(PACKETS_PREF << 16, htons(ETH_P_ALL)) };
	struct nl_msg *msg =
		nlmsg_alloc_simple(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *options;

	if (!msg || nlmsg_append(msg, &tcm, sizeof(tcm), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, TCA_KIND, "bpf") < 0)
		abort();
	options = nla_nest_start(msg, TCA_OPTIONS);
	if (!options || nla_put_u32(msg, TCA_BPF_FD, (uint32_t)program) < 0 ||
	    nla_put_string(msg, TCA_BPF_NAME, "packets_classify") < 0)
		abort();
	action_put(msg, to);
	nla_nest_end(msg, options);
	return msg;
}

int packets_mirred(const struct bpf_object *object, const char *program,
		   unsigned int index, unsigned int to)
{
	int fd = bpf_program__fd(bpf_object__find_program_by_name(object, program));
	struct nl_sock *socket = nl_socket_alloc();
	int r;

	if (!socket)
		abort();
	r = nl_connect(socket, NETLINK_ROUTE);
	if (!r) /* which frees the message */
		r = nl_send_sync(socket, filter_message(fd, index, to));
	nl_socket_free(socket);
	return r < 0 ? -EPROTO : 0;
}
