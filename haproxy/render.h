/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names in the rendered configuration that other parts look for. */
#ifndef HAPROXY_RENDER_H
#define HAPROXY_RENDER_H

#define HAPROXY_FRONTEND "client_side"
#define HAPROXY_BACKEND  "server_side"

/*
 * Where the plan names no chroot: each instance mounts an empty read-only tmpfs over
 * this directory in its own mount namespace. It must exist everywhere; nobody else sees
 * the tmpfs.
 */
#define HAPROXY_CHROOT "/run"

/* A thread group holds one machine word of threads. */
#define HAPROXY_GROUP_THREADS 64

#endif
