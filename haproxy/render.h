/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names in the rendered configuration that other parts look for. */
#ifndef HAPROXY_RENDER_H
#define HAPROXY_RENDER_H

#define HAPROXY_FRONTEND "client_side"
#define HAPROXY_BACKEND  "server_side"
#define HAPROXY_HTTP     "server_http" /* beside it, where not all ports are HTTP */
#define HAPROXY_REUSED   "server_reused"
#define HAPROXY_PROBE    "probe"

/*
 * The abstract socket of the probes' server, and when HAProxy gives a probe up: late, for
 * a supervisor that was held up is no fault of the instance's.
 */
#define HAPROXY_RESPONDER "hapep-probe"
#define HAPROXY_PROBE_MS  5000

/*
 * Where the plan names no chroot: each instance mounts an empty read-only tmpfs over
 * this directory in its own mount namespace. It must exist everywhere; nobody else sees
 * the tmpfs.
 */
#define HAPROXY_CHROOT "/run"

/* A thread group holds one machine word of threads. */
#define HAPROXY_GROUP_THREADS 64

#endif
