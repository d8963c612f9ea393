/* SPDX-License-Identifier: GPL-2.0-only */
/* Owns how long TCP payload stays in the blade: seen in, and seen out, on the NIC.
 *
 * Whoever carries it may give it other headers, but not other bytes: so a segment is
 * known again by its payload's first 32 bytes, and by the side that it goes to. Where
 * both legs have the same addresses and ports (a transparent proxy, or forwarding) these
 * count too, and the same bytes of two flows are not taken for each other.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tc/residence.bpf.h"

#define VLAN_ID_MASK 0x0fff
#define HEAD_WORDS   4 /* of 8 bytes: what is looked at of a payload */
#define SEGMENTS     65536
#define ODD          0x9e3779b97f4a7c15ULL /* 2^64 by the golden ratio */

/* Set before load. Index: 0 client, 1 server. */
const volatile __u32 side_ifindex[2];
const volatile __u32 side_vlan[2];
const volatile bool by_flow;

struct segment {
	__u64 hash;
	__u64 to; /* side */
};

/* Segments that never leave make room for new ones. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SEGMENTS);
	__type(key, struct segment);
	__type(value, __u64); /* ns of CLOCK_MONOTONIC */
} segments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * RESIDENCE_BUCKETS);
	__type(key, __u32);
	__type(value, __u64);
} buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * RESIDENCE_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(void *map, __u32 index)
{
	__u64 *n = bpf_map_lookup_elem(map, &index);

	if (n)
		(*n)++;
}

static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * ODD;
	return hash ^ (hash >> 29);
}

/* 0 or 1; -1: neither side's frame. */
static __always_inline int frame_side(const struct __sk_buff *skb)
{
	__u32 vlan = skb->vlan_present ? skb->vlan_tci & VLAN_ID_MASK : 0;

	if (skb->ifindex == side_ifindex[0] && vlan == side_vlan[0])
		return 0;
	if (skb->ifindex == side_ifindex[1] && vlan == side_vlan[1])
		return 1;
	return -1;
}

/* Where TCP begins, and the addresses mixed, the same both ways; 0: not TCP, or later
 * fragments, or headers that nobody sends.
 */
static __always_inline __u32 find_tcp(struct __sk_buff *skb, __u64 *hash)
{
	struct ipv6hdr six;
	struct iphdr four;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, ETH_HLEN, &four, sizeof(four)) ||
		    four.protocol != IPPROTO_TCP || four.frag_off & bpf_htons(0x3fff))
			return 0;
		if (by_flow)
			*hash = mix(*hash, (__u64)four.saddr + four.daddr);
		return ETH_HLEN + four.ihl * 4;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &six, sizeof(six)) ||
	    six.nexthdr != IPPROTO_TCP)
		return 0;
	for (int i = 0; by_flow && i < 4; i++)
		*hash = mix(*hash,
			    (__u64)six.saddr.s6_addr32[i] + six.daddr.s6_addr32[i]);
	return ETH_HLEN + sizeof(six);
}

/* False: no TCP segment with enough payload to know it again by. */
static __always_inline bool identify(struct __sk_buff *skb, struct segment *out)
{
	__u64 hash = ODD, head[HEAD_WORDS]; /* of 0, zeros would leave no trace */
	__u32 at = find_tcp(skb, &hash);
	struct tcphdr tcp;

	if (!at || bpf_skb_load_bytes(skb, at, &tcp, sizeof(tcp)))
		return false;
	if (bpf_skb_load_bytes(skb, at + tcp.doff * 4, head, sizeof(head)))
		return false;
	if (by_flow)
		hash = mix(hash, (__u32)tcp.source + tcp.dest);
	for (int i = 0; i < HEAD_WORDS; i++)
		hash = mix(hash, head[i]);
	out->hash = hash;
	return true;
}

SEC("tc")
int residence_in(struct __sk_buff *skb)
{
	struct segment segment;
	int side = frame_side(skb);
	__u64 now;

	if (side < 0 || !identify(skb, &segment))
		return TC_ACT_UNSPEC;
	segment.to = !side;
	now = bpf_ktime_get_ns();
	bpf_map_update_elem(&segments, &segment, &now, BPF_ANY);
	count(&counters, segment.to * RESIDENCE_COUNTERS + RESIDENCE_IN);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int residence_out(struct __sk_buff *skb)
{
	struct segment segment;
	int side = frame_side(skb);
	__u64 now, *since;

	if (side < 0 || !identify(skb, &segment))
		return TC_ACT_UNSPEC;
	segment.to = side;
	now = bpf_ktime_get_ns();
	count(&counters, side * RESIDENCE_COUNTERS + RESIDENCE_OUT);
	since = bpf_map_lookup_elem(&segments, &segment);
	if (!since)
		return TC_ACT_UNSPEC;
	count(&buckets, side * RESIDENCE_BUCKETS + residence_bucket(now - *since));
	count(&counters, side * RESIDENCE_COUNTERS + RESIDENCE_MATCHED);
	bpf_map_delete_elem(&segments, &segment);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
