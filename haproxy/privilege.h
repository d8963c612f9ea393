/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an instance may still do: capabilities, user, mounts, system calls. */
#ifndef HAPROXY_PRIVILEGE_H
#define HAPROXY_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "helpers/error.h"

/* Who the process becomes. */
struct privilege {
	uid_t uid; /* 0: root without root's powers */
	gid_t gid;
	bool empty_root; /* mount an empty tmpfs over HAPROXY_CHROOT */
};

/* The user's ids; "" is root. -ENOENT names the user and what to do. */
int privilege_user(const char *user, struct privilege *out, struct error *err);

/*
 * For a process about to exec HAProxy, both irreversible. privilege_isolate: a mount
 * namespace of its own, where mounts of others still go away but none of its own are
 * seen. privilege_drop: CAP_NET_RAW and CAP_SYS_CHROOT and nothing else, ambient, so
 * that they pass the exec; no new privileges; death with `parent`; the system call
 * filter.
 */
int privilege_isolate(const struct privilege *p, struct error *err);
int privilege_drop(const struct privilege *p, pid_t parent, struct error *err);

/* Installs the deny list of system calls; needs no_new_privs. */
int privilege_filter(struct error *err);

#endif
