/* SPDX-License-Identifier: GPL-2.0-only */
/* Owns the end of test packets, which counts them, and rules in a table beside tc's own.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tc/residence.bpf.h"
#include "tests/bench/packets.bpf.h"

/* Set before load. */
const volatile struct packets_constants constants;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PACKETS_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RESIDENCE_BUCKETS);
	__type(key, __u32);
	__type(value, __u64);
} buckets SEC(".maps");

/* That it can be mapped is what aligns it: other arrays begin anywhere in a cache line.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PACKETS_BUCKETS);
	__type(key, __u32);
	__type(value, struct packets_bucket);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PACKETS_WAYS);
	__type(key, __u32);
	__type(value, __u32); /* ifindex */
} ways SEC(".maps");

static __always_inline void add(void *map, __u32 index, __u64 n)
{
	__u64 *slot = bpf_map_lookup_elem(map, &index);

	if (slot)
		*slot += n;
}

/* On a generator's ingress: nothing of its own comes further. */
SEC("tc")
int packets_end(struct __sk_buff *skb)
{
	struct packets_stamp stamp;
	__u64 stay;

	if (skb->protocol != bpf_htons(ETH_P_IP) || !skb->vlan_present ||
	    bpf_skb_load_bytes(skb,
			       ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr),
			       &stamp, sizeof(stamp)) ||
	    stamp.magic != PACKETS_MAGIC)
		return TC_ACT_UNSPEC;
	if (stamp.sent < constants.from || stamp.sent >= constants.until)
		return TC_ACT_SHOT;
	stay = bpf_ktime_get_ns() - stamp.sent;
	add(&counters, PACKETS_RECEIVED, 1);
	add(&counters, PACKETS_BYTES, stamp.size);
	add(&counters, PACKETS_NANOSECONDS, stay);
	add(&buckets, residence_bucket(stay), 1);
	return TC_ACT_SHOT;
}

/* The way of a packet's rule; 0: it has none. */
static __always_inline __u32 rule_of(struct __sk_buff *skb)
{
	__u32 address, hash, index;

	if (skb->protocol != bpf_htons(ETH_P_IP) || !skb->vlan_present ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + __builtin_offsetof(struct iphdr, daddr),
			       &address, sizeof(address)))
		return 0;
	hash = packets_hash(bpf_ntohl(address) & constants.rule_mask);
	index = packets_bucket_of(hash);
	for (int try = 0; try < PACKETS_TRIES;
	     try++, index = packets_bucket_next(index)) {
		const struct packets_bucket *bucket = bpf_map_lookup_elem(&rules, &index);
		__u32 way = bucket ? packets_way(bucket, hash) : 0;

		if (way || !bucket || !(bucket->seed & 1))
			return way;
	}
	return 0;
}

/* On the blade's ingress: the BPF counterpart of so many tc rules. */
SEC("tc")
int packets_redirect(struct __sk_buff *skb)
{
	__u32 way = rule_of(skb);
	const __u32 *out = way ? bpf_map_lookup_elem(&ways, &way) : NULL;

	return out ? (int)bpf_redirect(*out, 0) : TC_ACT_UNSPEC;
}

/* The same rules as a classifier's word: its filter's actions (-1), or the next filter.
 */
SEC("tc")
int packets_classify(struct __sk_buff *skb)
{
	return rule_of(skb) ? -1 : 0;
}

char _license[] SEC("license") = "GPL";
