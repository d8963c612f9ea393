/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The start of a HAProxy process, for serving and for checking alike. */
#ifndef HAPROXY_INSTANCE_H
#define HAPROXY_INSTANCE_H

#include "haproxy/haproxy.h"
#include "haproxy/privilege.h"

/* Not /dev/fd, which containers may lack. HAProxy's words about a line name it. */
#define LAUNCH_CONFIG_PATH "/proc/self/fd/3"

/* Everything borrowed. */
struct launch {
	const struct haproxy_plan *plan;
	const struct haproxy_version *version;
	unsigned int k;
	bool check, pin; /* haproxy -c; bind to the instance's CPU */
	int nsfd, stats_fd, probe_fd, out_fd;
	const int *sockets;
	unsigned int n_sockets;
	/* launch() fills these in */
	struct privilege privilege;
	int config_fd;
	pid_t parent;
};

/* Forks and execs; returns once the exec succeeded. *pid is the caller's to reap. */
int launch(struct launch *x, pid_t *pid, struct error *err);

/*
 * Of all that `haproxy -c` wrote, the sentence that matters: the first [ALERT]'s, or
 * the last line. Into out, which is returned.
 */
const char *check_sentence(const char *words, char *out, size_t size);

#endif
