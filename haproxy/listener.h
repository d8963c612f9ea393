/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listening sockets: how they are kept, and as an instance inherits them. */
#ifndef HAPROXY_LISTENER_H
#define HAPROXY_LISTENER_H

#include "haproxy/group.h"
#include "haproxy/haproxy.h"

/*
 * A slot is what one SO_REUSEPORT group member serves: an instance, or a thread of the
 * one instance. fd[slot * ports + i] listens on port[i], and so cookie (0: not known).
 */
struct haproxy_listeners {
	const struct haproxy_plan *plan; /* borrowed */
	struct groups *groups;           /* all that share sockets have the same */
	int family;
	unsigned int slots, ports, slots_per_instance;
	uint16_t *port;
	int *fd;
	uint64_t *cookie;
};

/* Sockets of instance k, in the order of the descriptors. Borrowed. */
const int *listeners_of(const struct haproxy_listeners *l, unsigned int k,
			unsigned int *n);

/* As haproxy_listeners_select, so that it holds for what joins the groups later too. */
int listeners_narrow(const struct haproxy_listeners *l, struct error *err);

#endif
