/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guard's BPF program is told: shared by guard.bpf.c and guard.c. */
#ifndef NETNS_GUARD_H
#define NETNS_GUARD_H

#include <linux/types.h>

#define GUARD_RANGES 64 /* PORTS_MAX of helpers/ports.h */

struct guard_range {
	__u16 first, last; /* both included, host order */
};

/* The proxy's own addresses, network order, zero where there is none; its ports. */
struct guard_wanted {
	__u32 ipv4[2];
	__u32 ipv6[2][4];
	__u32 ranges;
	struct guard_range range[GUARD_RANGES];
};

#endif
