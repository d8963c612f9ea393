/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns netlink sockets in a named namespace, and dumps through them. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>
#include <stdlib.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "netns/internal.h"

int netns_connect(const char *name, struct netlink **out, struct error *err)
{
	_cleanup_close_ int nsfd = namespace_open(name, err);

	return nsfd < 0 ? nsfd : netlink_open(nsfd, out, err);
}

int netns_connect_probe(const char *name, struct netlink **out, struct error *err)
{
	int r;

	*out = NULL;
	r = netns_connect(name, out, err);
	/* ESTALE: a plain file whose namespace is gone. */
	return r == -ENOENT || r == -ESTALE ? 0 : r;
}

struct dump {
	void (*each)(struct nlmsghdr *h, void *arg);
	void *arg;
};

static int dump_message(struct nl_msg *msg, void *arg)
{
	struct dump *d = arg;

	d->each(nlmsg_hdr(msg), d->arg);
	return NL_OK;
}

int netns_dump(struct netlink *nl, int type, int family,
	       void (*each)(struct nlmsghdr *h, void *arg), void *arg, struct error *err)
{
	struct rtgenmsg all = { .rtgen_family = (unsigned char)family };
	struct dump d = { each, arg };
	struct nl_sock *sock = netlink_sock(nl);
	struct nl_cb *borrowed = nl_socket_get_cb(sock);
	struct nl_cb *cb = nl_cb_clone(borrowed);
	int r;

	nl_cb_put(borrowed);
	if (!cb)
		abort();
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, dump_message, &d);
	r = nl_send_simple(sock, type, NLM_F_DUMP, &all, sizeof(all));
	if (r >= 0)
		r = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	/* The table changed meanwhile: what was seen may lack a row, never hold a wrong
	 * one. */
	if (r == -NLE_DUMP_INTR)
		return error_say(
			err, EAGAIN,
			"the kernel's table changed while it was read: try again");
	return netlink_result(nl, r, err, "dump the kernel's table");
}

int netns_ifindex(struct netlink *nl, const char *name, struct error *err)
{
	int r = netlink_ifindex(nl, name, err);

	return r == -ENODEV ? 0 : r;
}
