/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one place where hapep looks into another network namespace. */
#ifndef HELPERS_NAMESPACE_H
#define HELPERS_NAMESPACE_H

#include "helpers/error.h"

/* Where iproute2 keeps named network namespaces. */
#define NAMESPACE_DIR "/run/netns"

/* Opens a named namespace (O_CLOEXEC). -ENOENT: no such name; -ENOTDIR... else. */
int namespace_open(const char *name, struct error *err);

/*
 * A new network namespace without a name (O_CLOEXEC), for trying things out: it goes
 * with the descriptor. Takes CAP_SYS_ADMIN.
 */
int namespace_new(struct error *err);

/*
 * Calls fn(arg, err) with the thread inside the network namespace nsfd (-1: where it
 * is), and comes back. Sockets that fn opens stay in that namespace. Returns fn's
 * result. A thread that cannot come back aborts: going on in the wrong namespace
 * would program the wrong machine.
 */
int namespace_call(int nsfd, int (*fn)(void *arg, struct error *err), void *arg,
		   struct error *err);

/* A socket (SOCK_CLOEXEC) of that namespace; the caller's. */
int namespace_socket(int nsfd, int family, int type, int protocol, struct error *err);

#endif
