/* SPDX-License-Identifier: GPL-2.0-only */
/* What the sk_lookup programs are told: shared by them and by what loads them. */
#ifndef NETNS_GUARD_H
#define NETNS_GUARD_H

#include <linux/types.h>

#define GUARD_RANGES 65 /* PORTS_MAX of helpers/ports.h, and the proxy port */

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

#define LOOKUP_SLOTS 256  /* listening sockets */
#define LOOKUP_CPUS  1024 /* those beyond share the slots of the others */

/* Of lookup.bpf.c. The ports of `service` are those that are mapped. */
struct lookup_wanted {
	struct guard_wanted service;
	__u32 slots;
	__u32 by_cpu; /* else the group's hash chooses */
	__u16 slot_of_cpu[LOOKUP_CPUS];
};

#endif
