/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that the rendered configuration and the descriptor limit share. */
#ifndef HAPROXY_LIMITS_H
#define HAPROXY_LIMITS_H

#include "haproxy/haproxy.h"

/* Threads of one instance, and the thread groups that they fill. */
unsigned int limits_threads(const struct haproxy_plan *p);
unsigned int limits_groups(const struct haproxy_plan *p);
/* HAProxy's maxpipes. */
unsigned int limits_pipes(const struct haproxy_plan *p);
/* Idle connections to servers that an instance may keep, at least 1. */
unsigned int limits_idle(const struct haproxy_plan *p);

#endif
