/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long payload stays in the blade: a pair of programs on the NIC, and what they saw.
 */
#ifndef TC_RESIDENCE_H
#define TC_RESIDENCE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "helpers/error.h"
#include "tc/residence.bpf.h"

/* Index: 0 client's side, 1 server's. Both may be one NIC. */
struct residence_plan {
	char nic[2][IFNAMSIZ];
	unsigned int vlan[2]; /* 0: untagged */
	/*
	 * Both legs have the same addresses and ports, so that the bytes need not be
	 * unlike every other flow's. False for proxies that connect as themselves.
	 */
	bool by_flow;
	bool filters; /* of tc, and not tcx links, whatever the kernel has: for tests */
};

/* Segments on their way to one side. */
struct residence_way {
	uint64_t in, out; /* with at least 32 bytes of payload, seen come and leave */
	uint64_t matched; /* of those seen leave, seen come: in the buckets */
	uint64_t bucket[RESIDENCE_BUCKETS];
};

/* What it takes of each packet, in nanoseconds. */
struct residence_cost {
	double in;      /* a segment that comes */
	double out;     /* one that leaves and was seen come */
	double unknown; /* one that leaves and was not */
};

struct residence;

/*
 * Puts the pair on the NICs, in the network namespace nsfd (-1: this one), in front of
 * hapep's own filters. From now on it counts. It stays until residence_close(), or until
 * the process ends, however that is: by tcx links (6.6), of which a NIC takes many; else
 * as filters of tc, with a clsact qdisc where there is none and a guard process that
 * removes them, one pair a NIC, the later in the former's place. What a guard that was
 * killed too left behind goes with tc_undo(). Linux 4.10 (LRU maps). *out is the
 * caller's.
 */
int residence_open(int nsfd, const struct residence_plan *plan, struct residence **out,
		   struct error *err);
/* What was seen so far. to: 0 towards the client, 1 towards the server. */
int residence_read(const struct residence *r, int to, struct residence_way *out,
		   struct error *err);
/* Takes the pair away, and the qdisc if it was made for it. */
int residence_close(struct residence *r, struct error *err);

/* Adds what one way saw to another's. */
void residence_merge(struct residence_way *into, const struct residence_way *from);
/* Nanoseconds that `percent` of the matched segments did not exceed; 0: none matched. */
double residence_percentile(const struct residence_way *way, double percent);
/* The middle of a bucket, nanoseconds. */
double residence_middle(unsigned int bucket);

/* Runs both programs on packets of one MTU without a NIC (BPF_PROG_TEST_RUN, 4.12). */
int residence_cost(struct residence_cost *out, struct error *err);

#endif
