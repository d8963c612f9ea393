/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the pair of programs hangs on the NICs, and how it goes with its process. */
#ifndef TC_RESIDENCE_HOOK_H
#define TC_RESIDENCE_HOOK_H

#include <net/if.h>
#include <stdbool.h>
#include <sys/types.h>

#include "helpers/error.h"

/* One place of each NIC; index: 0 ingress, 1 egress. */
struct residence_hooks {
	char nic[2][IFNAMSIZ];
	unsigned int ifindex[2];
	int program[2]; /* descriptors of the caller's */
	bool filters;   /* no tcx links, even where the kernel has them */
	int nsfd;       /* the NICs' namespace, the caller's; -1: this one */
	/* Filled by residence_attach(). */
	int link[2][2];   /* by NIC and place: of tcx; -1: none */
	bool attached[2]; /* as filters of tc instead, ours to remove */
	bool made[2];     /* the clsact qdisc too */
	int alive;        /* the guard's: closed with this process */
	pid_t guard;
};

/*
 * By tcx links (Linux 6.6), which the kernel takes away with the descriptors, however the
 * process ends; else by filters of tc, beside which a process of its own waits for this
 * one's end and removes them. h is to be residence_detach()ed, whatever is returned.
 */
int residence_attach(struct residence_hooks *h, struct error *err);
/* What is gone already is success. */
int residence_detach(struct residence_hooks *h, struct error *err);

#endif
