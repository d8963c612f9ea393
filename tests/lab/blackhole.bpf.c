/* SPDX-License-Identifier: GPL-2.0-only */
/* A path MTU black hole: drops what a router says of packets too big for its next link
 * (RFC 2923 section 2.1), and no other ICMP message.
 *
 * Attached to the router's egress, where it sees the router's own messages, which carry
 * neither IPv4 options nor IPv6 extension headers.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* linux/icmp.h has it, but needs the C library's headers, which BPF has not. */
struct icmp_start {
	__u8 type;
	__u8 code;
};

static const struct icmp_start fragmentation_needed = { 3, 4 }; /* RFC 792 */
static const struct icmp_start packet_too_big = { 2, 0 };       /* RFC 4443 */

static __always_inline int is_icmp(struct __sk_buff *skb, int offset,
				   const struct icmp_start *wanted)
{
	struct icmp_start seen;

	return !bpf_skb_load_bytes(skb, offset, &seen, sizeof(seen)) &&
	       seen.type == wanted->type && seen.code == wanted->code;
}

static __always_inline int is_fragmentation_needed(struct __sk_buff *skb)
{
	struct iphdr ip;

	return !bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) &&
	       ip.protocol == IPPROTO_ICMP &&
	       is_icmp(skb, ETH_HLEN + sizeof(ip), &fragmentation_needed);
}

static __always_inline int is_packet_too_big(struct __sk_buff *skb)
{
	struct ipv6hdr ip;

	return !bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) &&
	       ip.nexthdr == IPPROTO_ICMPV6 &&
	       is_icmp(skb, ETH_HLEN + sizeof(ip), &packet_too_big);
}

SEC("tc/blackhole")
int blackhole(struct __sk_buff *skb)
{
	int drop = 0;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		drop = is_fragmentation_needed(skb);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		drop = is_packet_too_big(skb);
	return drop ? TC_ACT_SHOT : TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
