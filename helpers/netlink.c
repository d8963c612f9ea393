/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns netlink sockets and the translation of their errors. */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helpers/memory.h"
#include "helpers/namespace.h"
#include "helpers/netlink.h"

struct netlink {
	struct nl_sock *sock;
	int protocol;
	int code;           /* errno of the last failed request, 0: none */
	char sentence[512]; /* the kernel's own words, or empty */
};

/* Keeps errno and sentence of a failed request: libnl's own codes lose both. */
static int netlink_on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)((char *)e - NLMSG_HDRLEN);
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(*e));
	struct netlink *nl = arg;
	struct nlattr *attr;

	(void)from;
	nl->code = -e->error;
	nl->sentence[0] = '\0';
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NL_STOP;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (skip >= h->nlmsg_len)
		return NL_STOP;
	attr = nla_find((struct nlattr *)(void *)((char *)h + skip),
			(int)(h->nlmsg_len - skip), NLMSGERR_ATTR_MSG);
	if (attr)
		snprintf(nl->sentence, sizeof(nl->sentence), "%s", nla_get_string(attr));
	return NL_STOP;
}

static int netlink_connect(void *arg, struct error *err)
{
	struct netlink *nl = arg;
	int one = 1;
	int r = nl_connect(nl->sock, nl->protocol);

	if (r < 0)
		return error_say(err, EPROTO, "open a netlink socket: %s",
				 nl_geterror(r));
	setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_EXT_ACK, &one,
		   sizeof(one));
	setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_CAP_ACK, &one,
		   sizeof(one));
	nl_socket_modify_err_cb(nl->sock, NL_CB_CUSTOM, netlink_on_error, nl);
	return 0;
}

static int netlink_open_protocol(int nsfd, int protocol, struct netlink **out,
				 struct error *err)
{
	struct netlink *nl = memory_new(1, sizeof(*nl));
	int r;

	nl->protocol = protocol;
	nl->sock = nl_socket_alloc();
	if (!nl->sock)
		abort();
	r = namespace_call(nsfd, netlink_connect, nl, err);
	if (r < 0) {
		netlink_close(nl);
		return r;
	}
	*out = nl;
	return 0;
}

int netlink_open(int nsfd, struct netlink **out, struct error *err)
{
	return netlink_open_protocol(nsfd, NETLINK_ROUTE, out, err);
}

int netlink_open_generic(struct netlink **out, struct error *err)
{
	return netlink_open_protocol(-1, NETLINK_GENERIC, out, err);
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

void netlink_cleanup(struct netlink **nl)
{
	netlink_close(*nl);
}

struct nl_sock *netlink_sock(struct netlink *nl)
{
	nl->code = 0;
	nl->sentence[0] = '\0';
	return nl->sock;
}

static int netlink_errno(int r)
{
	switch (-r) {
	case NLE_EXIST:
		return EEXIST;
	case NLE_NODEV:
		return ENODEV;
	case NLE_OBJ_NOTFOUND:
	case NLE_NOADDR:
		return ENOENT;
	case NLE_PERM:
	case NLE_NOACCESS:
		return EPERM;
	case NLE_NOMEM:
		return ENOMEM;
	case NLE_OPNOTSUPP:
		return EOPNOTSUPP;
	case NLE_BUSY:
		return EBUSY;
	default:
		return EPROTO;
	}
}

static int netlink_fail(struct netlink *nl, int r, struct error *err, const char *fmt,
			va_list ap)
{
	char what[512];
	int code = nl->code ? nl->code : netlink_errno(r);

	vsnprintf(what, sizeof(what), fmt, ap);
	if (nl->sentence[0])
		return error_say(err, code, "%s: %s (%s)", what, nl->sentence,
				 strerror(code));
	if (nl->code)
		return error_set(err, code, "%s", what);
	return error_say(err, code, "%s: %s", what, nl_geterror(r));
}

int netlink_result(struct netlink *nl, int r, struct error *err, const char *fmt, ...)
{
	va_list ap;

	if (r >= 0)
		return 0;
	va_start(ap, fmt);
	r = netlink_fail(nl, r, err, fmt, ap);
	va_end(ap);
	return r;
}

int netlink_send(struct netlink *nl, struct nl_msg *msg, struct error *err,
		 const char *fmt, ...)
{
	va_list ap;
	int r = nl_send_sync(netlink_sock(nl), msg);

	if (r >= 0)
		return 0;
	va_start(ap, fmt);
	r = netlink_fail(nl, r, err, fmt, ap);
	va_end(ap);
	return r;
}

int netlink_ifindex(struct netlink *nl, const char *name, struct error *err)
{
	struct rtnl_link *link = NULL;
	int r = rtnl_link_get_kernel(netlink_sock(nl), 0, name, &link);

	if (r < 0 && (nl->code == ENODEV || r == -NLE_NODEV || r == -NLE_OBJ_NOTFOUND))
		return error_say(err, ENODEV, "there is no interface '%s'", name);
	if (r < 0)
		return netlink_result(nl, r, err, "look up interface '%s'", name);
	r = rtnl_link_get_ifindex(link);
	rtnl_link_put(link);
	return r;
}
