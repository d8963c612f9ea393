/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tc/steer and hapep tell each other about the gate, in BPF maps without a pin. */
#ifndef TC_GATE_H
#define TC_GATE_H

#include <linux/types.h>

#define GATE_PORTS_MAX    64
#define GATE_FLOWS_MAX    4096
#define GATE_MAPS_PREFIX  "gate_"
#define GATE_MAP_ORDER    "gate_order"
#define GATE_MAP_COUNTERS "gate_counters"

#define GATE_UNTIL_FRESH   0ULL /* nobody has said anything yet */
#define GATE_UNTIL_DRAINED 1ULL
#define GATE_UNTIL_PASS    2ULL

/* The one value of the map gate_order; hapep writes it, word by word. */
struct gate_order {
	/*
	 * New connections are proxied until then (CLOCK_MONOTONIC, ns). The deadline is
	 * moved on by whoever has seen an instance serve, so that its death needs nobody
	 * to tell of it.
	 */
	__u64 until;
	/* Where fail is closed: flows that were forwarded while drained may be there. */
	__u64 forwarded;
	/* Where a rule leads what is for the service ports; 0: they are listened on. */
	__u64 proxy_port;
};

/* The one value a CPU of the map gate_counters. */
struct gate_counters {
	__u64 connections; /* SYNs of the client side that were let past */
	__u64 packets;     /* these, and all others of both directions */
};

struct gate_ports {
	__u16 first, last; /* host order */
};

#endif
