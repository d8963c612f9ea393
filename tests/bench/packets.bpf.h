/* SPDX-License-Identifier: GPL-2.0-only */
/* What packets and its programs both know: the test packets, the table of rules. */
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

/* The rules. A bucket is a cache line, and a packet mostly meets one, however many rules
 * there are. The bucket's seed gives each of its rules a slot of its own, so that nothing
 * is searched: which of twelve slots had the address was a jump that no CPU foresees, and
 * with the table of 1 MB, all of a second-level cache, cost 4 to 5 % at 128K rules. Hence
 * also words of 4 bytes: a bucket knows the upper bits of what it holds, and ways out are
 * numbers, as routers have next hops. 128K rules are 768 KB. The kernel's own hash map
 * took three cache lines, and 0.6 of the packets.
 */
#define PACKETS_SLOTS   15
#define PACKETS_BUCKETS 12288u /* 71 % full at most */
#define PACKETS_TRIES   8      /* buckets that a rule may be in, one after the other */
#define PACKETS_WAYS    256

struct packets_bucket {
	__u32 rule[PACKETS_SLOTS]; /* way << 24 | hash & 0xffffff; 0: free */
	__u32 seed;                /* bit 0: a rule went on to the next bucket */
};

#define PACKETS_INLINE static inline __attribute__((always_inline))

/* No two addresses have the same, since the factor is odd (Fibonacci hashing). */
PACKETS_INLINE __u32 packets_hash(__u32 address)
{
	return address * 2654435761u;
}

/* Neighbours in order: hashes in PACKETS_TRIES buckets differ in their lower 24 bits. */
PACKETS_INLINE __u32 packets_bucket_of(__u32 hash)
{
	return (__u32)((__u64)hash * PACKETS_BUCKETS >> 32);
}

PACKETS_INLINE __u32 packets_bucket_next(__u32 index)
{
	return (index + 1) % PACKETS_BUCKETS;
}

/* By the lower 24 bits, all that a slot has. */
PACKETS_INLINE __u32 packets_slot_of(__u32 hash, __u32 seed)
{
	return (__u32)((__u64)((hash << 8) * (seed | 1)) * PACKETS_SLOTS >> 32);
}

/* Where a hash leads by this bucket's rules; 0: nowhere. */
PACKETS_INLINE __u32 packets_way(const struct packets_bucket *bucket, __u32 hash)
{
	__u32 rule = bucket->rule[packets_slot_of(hash, bucket->seed)];

	return (rule ^ hash) << 8 ? 0 : rule >> 24;
}

enum { PACKETS_RECEIVED, PACKETS_BYTES, PACKETS_NANOSECONDS, PACKETS_COUNTERS };

#endif
