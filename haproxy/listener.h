/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listening sockets as an instance inherits them. */
#ifndef HAPROXY_LISTENER_H
#define HAPROXY_LISTENER_H

#include "haproxy/haproxy.h"

/* Sockets of instance k, in the order of the descriptors. Borrowed. */
const int *listeners_of(const struct haproxy_listeners *l, unsigned int k,
			unsigned int *n);

#endif
