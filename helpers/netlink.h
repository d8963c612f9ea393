/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netlink socket of one network namespace (route, or generic), whose errors are the
 * kernel's own. */
#ifndef HELPERS_NETLINK_H
#define HELPERS_NETLINK_H

#include <netlink/netlink.h>

#include "helpers/error.h"

struct netlink;

/*
 * Opens a NETLINK_ROUTE socket in the network namespace nsfd (-1: the caller's).
 * The socket stays bound to that namespace whatever the caller does later.
 * *out is the caller's: netlink_close.
 */
int netlink_open(int nsfd, struct netlink **out, struct error *err);
/* The same for NETLINK_GENERIC, in the caller's namespace. */
int netlink_open_generic(struct netlink **out, struct error *err);
void netlink_close(struct netlink *nl);
void netlink_cleanup(struct netlink **nl);
#define _cleanup_netlink_ __attribute__((cleanup(netlink_cleanup)))

/* Borrowed: for libnl's calls. */
struct nl_sock *netlink_sock(struct netlink *nl);

/*
 * Turns a libnl result into an error: "<what>: <the kernel's sentence or errno>".
 * r >= 0 passes through as 0. The errno returned is the kernel's own where the
 * kernel answered (libnl's codes lose it), else the nearest to libnl's code.
 * Kernel 4.12 and later carry a sentence (NLMSGERR_ATTR_MSG).
 */
__attribute__((format(printf, 4, 5))) int
netlink_result(struct netlink *nl, int r, struct error *err, const char *fmt, ...);

/* Sends msg (taken: freed here), waits for the acknowledgement; as netlink_result. */
__attribute__((format(printf, 4, 5))) int netlink_send(struct netlink *nl,
						       struct nl_msg *msg,
						       struct error *err, const char *fmt,
						       ...);

/* The interface's index; -ENODEV with a clear sentence if there is none of that name. */
int netlink_ifindex(struct netlink *nl, const char *name, struct error *err);

#endif
