/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the root qdisc of a NIC: mqprio where there is one lock, and what was there. */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/netlink.h"
#include "helpers/nic/prior.h"
#include "helpers/nic/queues.h"
#include "helpers/setting.h"

#define OUR_HANDLE 0x70650000U /* 7065: */

/* Qdiscs of one lock that are all in their options: these come back as they were. */
static const char *const simple_kinds[] = { "pfifo", "bfifo",    "pfifo_head_drop",
					    "fq",    "fq_codel", "pfifo_fast",
					    "prio" };

struct root_qdisc {
	int ifindex;
	char kind[16];
	unsigned int handle; /* 0: the kernel's default */
	unsigned char options[512];
	size_t options_n;
	bool children; /* classes have qdiscs of the operator's */
	bool filters;
};

static int root_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct root_qdisc *root = arg;
	struct tcmsg *tcm = nlmsg_data(header);
	struct nlattr *kind, *options;

	if (tcm->tcm_ifindex != root->ifindex)
		return NL_OK;
	if (header->nlmsg_type == RTM_NEWTFILTER) {
		root->filters = true;
		return NL_OK;
	}
	if (header->nlmsg_type != RTM_NEWQDISC || tcm->tcm_parent == TC_H_INGRESS)
		return NL_OK;
	if (tcm->tcm_parent != TC_H_ROOT) {
		root->children = root->children || tcm->tcm_handle;
		return NL_OK;
	}
	kind = nlmsg_find_attr(header, sizeof(*tcm), TCA_KIND);
	options = nlmsg_find_attr(header, sizeof(*tcm), TCA_OPTIONS);
	root->handle = tcm->tcm_handle;
	if (kind)
		nla_strlcpy(root->kind, kind, sizeof(root->kind));
	root->options_n = options ? (size_t)nla_len(options) : 0;
	if (root->options_n > sizeof(root->options))
		root->children = true; /* more than can be kept: not to be replaced */
	else if (options)
		memcpy(root->options, nla_data(options), root->options_n);
	return NL_OK;
}

static int root_dump(struct netlink *nl, int type, unsigned int parent,
		     struct root_qdisc *root)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = root->ifindex,
			     .tcm_parent = parent };
	struct nl_sock *sock = netlink_sock(nl);
	int r = nl_send_simple(sock, type, NLM_F_DUMP, &tcm, sizeof(tcm));

	if (r < 0)
		return r;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, root_message, root);
	r = nl_recvmsgs_default(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	return r;
}

static int root_read(struct netlink *nl, const char *nic, struct root_qdisc *out,
		     struct error *err)
{
	int r;

	memset(out, 0, sizeof(*out));
	out->ifindex = (int)if_nametoindex(nic);
	if (!out->ifindex)
		return error_say(err, ENODEV, "there is no interface '%s'", nic);
	r = root_dump(nl, RTM_GETQDISC, 0, out);
	if (r >= 0 && out->handle)
		r = root_dump(nl, RTM_GETTFILTER, out->handle, out);
	return netlink_result(nl, r, err, "list the qdiscs of '%s'", nic);
}

static bool root_is_ours(const struct root_qdisc *root)
{
	return root->handle == OUR_HANDLE && !strcmp(root->kind, "mqprio");
}

/* Over as many queues as there are now. */
static bool root_is_whole(const struct root_qdisc *root, unsigned int queues)
{
	struct tc_mqprio_qopt options;

	if (!root_is_ours(root) || root->options_n < sizeof(options))
		return false;
	memcpy(&options, root->options, sizeof(options));
	return options.num_tc == 1 && options.count[0] == queues;
}

/* The kernel's default root of a NIC with several queues is mq. */
static bool root_is_simple(const struct root_qdisc *root)
{
	if (!root->handle || root->children || root->filters)
		return false;
	for (size_t i = 0; i < sizeof(simple_kinds) / sizeof(simple_kinds[0]); i++) {
		if (!strcmp(root->kind, simple_kinds[i]))
			return true;
	}
	return false;
}

bool qdisc_replaceable(const char *nic)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct error ignored = { 0 };
	struct root_qdisc root = { 0 };

	return !netlink_open(-1, &nl, &ignored) && !root_read(nl, nic, &root, &ignored) &&
	       (root_is_ours(&root) || root_is_simple(&root));
}

static struct nl_msg *root_request(int type, int flags, const struct root_qdisc *root)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = root->ifindex,
			     .tcm_parent = TC_H_ROOT,
			     .tcm_handle = root->handle };
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg || nlmsg_append(msg, &tcm, sizeof(tcm), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, TCA_KIND, root->kind) < 0 ||
	    (root->options_n &&
	     nla_put(msg, TCA_OPTIONS, (int)root->options_n, root->options) < 0))
		abort();
	return msg;
}

/* One traffic class for all priorities over all transmit queues. */
static void root_mqprio(struct root_qdisc *root, unsigned int queues)
{
	struct tc_mqprio_qopt options = { .num_tc = 1, .hw = 0 };

	options.count[0] = (__u16)queues;
	root->handle = OUR_HANDLE;
	snprintf(root->kind, sizeof(root->kind), "mqprio");
	memcpy(root->options, &options, sizeof(options));
	root->options_n = sizeof(options);
}

int nic_mqprio_record(const struct nic_queues *q, json_t **out, struct error *err)
{
	return prior_record(q->name, PRIOR_QDISC | PRIOR_XPS, out, err);
}

static int root_delete(struct netlink *nl, const char *nic, struct root_qdisc *root,
		       struct error *err)
{
	root->options_n = 0;
	return netlink_send(nl, root_request(RTM_DELQDISC, 0, root), err,
			    "take %s from the root of '%s'", root->kind, nic);
}

int nic_mqprio_apply(const struct nic_queues *q, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	_cleanup_close_ int dir = setting_root(err);
	unsigned int queues = dir < 0 ? 0 : queues_count(dir, q->name, "tx");
	struct root_qdisc root = { 0 };
	int r = dir < 0 ? dir : netlink_open(-1, &nl, err);

	if (!r)
		r = root_read(nl, q->name, &root, err);
	if (r < 0 || root_is_whole(&root, queues))
		return r;
	/* mqprio cannot be changed. */
	if (root_is_ours(&root))
		r = root_delete(nl, q->name, &root, err);
	if (r < 0)
		return r;
	root_mqprio(&root, queues);
	r = netlink_send(nl,
			 root_request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &root),
			 err, "put mqprio at the root of '%s'", q->name);
	return r == -ENOENT ? error_wrap(err, "the kernel's sch_mqprio is missing "
					      "(placement.rss = off does without)")
			    : r;
}

int nic_mqprio_probe(const struct nic_queues *q, enum step_state *state,
		     struct text *detail, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	_cleanup_close_ int dir = setting_root(err);
	struct root_qdisc root = { 0 };
	int r = dir < 0 ? dir : netlink_open(-1, &nl, err);

	*state = STEP_ABSENT;
	if (!r)
		r = root_read(nl, q->name, &root, err);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	if (root_is_whole(&root, queues_count(dir, q->name, "tx")))
		*state = STEP_PRESENT;
	else
		text_line(detail, "the root qdisc of '%s' is %s%s", q->name, root.kind,
			  root_is_ours(&root) ? " over another number of queues" : "");
	return 0;
}

void nic_mqprio_describe(const struct nic_queues *q, struct text *out)
{
	_cleanup_close_ int dir = setting_root(NULL);

	text_line(out,
		  "tc qdisc replace dev %s root handle %x: mqprio num_tc 1 map 0 queues "
		  "%u@0 hw 0",
		  q->name, OUR_HANDLE >> 16,
		  q->can.channels ? q->n : queues_count(dir, q->name, "tx"));
}

int qdisc_prior(int root, const char *nic, json_t **out, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	char hex[2 * sizeof(((struct root_qdisc *)0)->options) + 1] = "";
	struct root_qdisc now = { 0 };
	int r = netlink_open(-1, &nl, err);

	(void)root;
	if (!r)
		r = root_read(nl, nic, &now, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < now.options_n && now.handle; i++)
		snprintf(hex + 2 * i, 3, "%02x", now.options[i]);
	*out = json_pack("{s:s, s:I, s:s}", "kind", now.handle ? now.kind : "", "handle",
			 (json_int_t)now.handle, "options", hex);
	return 0;
}

/* -EBADMSG: the record is damaged. */
static int root_from(const json_t *prior, struct root_qdisc *out)
{
	const char *kind = json_string_value(json_object_get(prior, "kind"));
	const char *hex = json_string_value(json_object_get(prior, "options"));

	if (!kind || !hex || strlen(hex) / 2 > sizeof(out->options))
		return -EBADMSG;
	snprintf(out->kind, sizeof(out->kind), "%s", kind);
	out->handle = (unsigned int)json_integer_value(json_object_get(prior, "handle"));
	out->options_n = strlen(hex) / 2;
	for (size_t i = 0; i < out->options_n; i++) {
		unsigned int byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return -EBADMSG;
		out->options[i] = (unsigned char)byte;
	}
	return 0;
}

/* Ours goes; what was there comes back unless somebody has put another there since. */
int qdisc_restore(int root, const char *nic, const json_t *prior, bool *moved,
		  struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct root_qdisc now = { 0 }, was = { 0 };
	int r = netlink_open(-1, &nl, err);

	(void)root;
	(void)moved;
	if (!r)
		r = root_read(nl, nic, &now, err);
	if (r < 0)
		return r;
	if (root_from(prior, &was) < 0)
		return error_say(err, EBADMSG,
				 "the journal's record of the root qdisc of '%s' is "
				 "damaged",
				 nic);
	was.ifindex = now.ifindex;
	if (now.handle && !root_is_ours(&now))
		return 0;
	if (root_is_ours(&now))
		r = root_delete(nl, nic, &now, err);
	if (r < 0 || !was.handle)
		return r;
	return netlink_send(nl, root_request(RTM_NEWQDISC, NLM_F_CREATE, &was), err,
			    "put %s back at the root of '%s'", was.kind, nic);
}
