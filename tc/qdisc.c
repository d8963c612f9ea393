/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the clsact qdisc of a device: finding, adding, and deleting an empty one. */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "tc/qdisc.h"
#include "tc/seen.h"

struct qdisc_walk {
	int ifindex;
	char *kind;
};

static int qdisc_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct qdisc_walk *walk = arg;
	struct tcmsg *tcm = nlmsg_data(header);
	struct nlattr *kind;

	if (header->nlmsg_type != RTM_NEWQDISC || tcm->tcm_ifindex != walk->ifindex ||
	    tcm->tcm_parent != TC_H_CLSACT)
		return NL_OK;
	kind = nlmsg_find_attr(header, sizeof(*tcm), TCA_KIND);
	if (kind)
		nla_strlcpy(walk->kind, kind, QDISC_KIND_SIZE);
	return NL_OK;
}

int qdisc_find(struct netlink *nl, int ifindex, char kind[QDISC_KIND_SIZE],
	       struct error *err)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex };
	struct qdisc_walk walk = { .ifindex = ifindex, .kind = kind };
	struct nl_sock *sock = netlink_sock(nl);
	int r = nl_send_simple(sock, RTM_GETQDISC, NLM_F_DUMP, &tcm, sizeof(tcm));

	kind[0] = '\0';
	if (r >= 0) {
		nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, qdisc_message,
				    &walk);
		r = nl_recvmsgs_default(sock);
		nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	}
	return netlink_result(nl, r, err, "list the qdiscs of interface %d", ifindex);
}

static struct nl_msg *qdisc_request(int type, int flags, int ifindex)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = ifindex,
			     .tcm_parent = TC_H_CLSACT,
			     .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) };
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg || nlmsg_append(msg, &tcm, sizeof(tcm), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, TCA_KIND, "clsact") < 0)
		abort();
	return msg;
}

int qdisc_ensure(struct netlink *nl, const char *dev, int ifindex, struct error *err)
{
	char kind[QDISC_KIND_SIZE];
	int r = qdisc_find(nl, ifindex, kind, err);

	if (r < 0 || kind[0])
		return r;
	return netlink_send(
		nl, qdisc_request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex), err,
		"add the clsact qdisc to '%s'", dev);
}

int qdisc_delete_empty(struct netlink *nl, const char *dev, int ifindex,
		       struct error *err)
{
	char kind[QDISC_KIND_SIZE];
	int r = qdisc_find(nl, ifindex, kind, err);

	if (r < 0 || strcmp(kind, "clsact"))
		return r;
	for (int egress = 0; egress < 2; egress++) {
		_cleanup_seen_ struct seen_list list = { 0 };

		r = seen_read(nl, ifindex, egress, &list, err);
		if (r < 0 || list.n)
			return r;
	}
	r = netlink_send(nl, qdisc_request(RTM_DELQDISC, 0, ifindex), err,
			 "delete the clsact qdisc of '%s'", dev);
	return r == -ENOENT ? 0 : r;
}
