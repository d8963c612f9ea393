/* SPDX-License-Identifier: GPL-2.0-only */
/* What packets and its programs both know: the test packets, and the maps. */
#ifndef TESTS_BENCH_PACKETS_BPF_H
#define TESTS_BENCH_PACKETS_BPF_H

#include <linux/types.h>

/* Destinations 10.64.0.0/15 are 128K; a rule is for one, or for some of them. */
#define PACKETS_NETWORK 0x0a400000u
#define PACKETS_FLOWS   131072u
#define PACKETS_PORT    9
#define PACKETS_MAGIC   0x68617065u

/* At the beginning of the UDP payload, in the sender's byte order. */
struct packets_stamp {
	__u32 magic, size; /* of the frame with its tag, without FCS */
	__u64 sent;        /* ns of CLOCK_MONOTONIC */
} __attribute__((packed));

/* All that .rodata holds. */
struct packets_constants {
	__u64 from, until;       /* count what was sent in this time, ns */
	__u32 rule_mask, unused; /* the bits of an address that rules look at */
};

/* The rules: each in the bucket of its address, or in one of the next; a bucket is a
 * cache line, so that a packet mostly meets one, however many rules there are. The
 * kernel's own hash map took three, and 0.6 of the packets at 128K rules.
 */
#define PACKETS_SLOTS   8
#define PACKETS_BUCKETS 32768u /* half full at most */
#define PACKETS_TRIES   4

struct packets_bucket {
	struct {
		__u32 address; /* under the mask; 0: free */
		__u32 out;     /* ifindex */
	} slot[PACKETS_SLOTS];
};

static inline __attribute__((always_inline)) __u32 packets_bucket_of(__u32 address)
{
	return address * 2654435761u >> 17; /* Fibonacci hashing, 15 bits */
}

enum { PACKETS_RECEIVED, PACKETS_BYTES, PACKETS_NANOSECONDS, PACKETS_COUNTERS };

#endif
