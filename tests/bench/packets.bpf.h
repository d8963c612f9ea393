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
 * cache line, so that a packet mostly meets one, however many rules there are, and 128K
 * of them are 1 MB, which a core's second-level cache holds beside the packets. Hence
 * ways out by number, as routers have next hops. The kernel's own hash map took three
 * lines, and 0.6 of the packets at 128K rules; with buckets of 2 MB it was 0.94.
 */
#define PACKETS_SLOTS   12
#define PACKETS_BUCKETS 16384u /* two thirds full at most */
#define PACKETS_TRIES   4
#define PACKETS_WAYS    256

struct packets_bucket {
	__u32 address[PACKETS_SLOTS]; /* under the mask; 0: free */
	__u8 way[PACKETS_SLOTS];      /* in the map of ways, which holds ifindexes */
	__u32 unused;
};

static inline __attribute__((always_inline)) __u32 packets_bucket_of(__u32 address)
{
	return address * 2654435761u >> 18; /* Fibonacci hashing, 14 bits */
}

enum { PACKETS_RECEIVED, PACKETS_BYTES, PACKETS_NANOSECONDS, PACKETS_COUNTERS };

#endif
