/* SPDX-License-Identifier: GPL-2.0-only */
/* Owns forwarding a packet by hand, past the proxy, where the kernel's own routing would
 * not: its four numbers are a time-wait socket's of the proxy.
 *
 * Early demultiplexing (net.ipv4.tcp_early_demux) ties such a packet to that socket
 * before it is routed, and ip_forward() drops what has a socket. Doing without spares it
 * that, but then each packet of each proxied flow is looked up in all of the namespace's
 * rules.
 */
#ifndef TC_PAST_BPF_H
#define TC_PAST_BPF_H

/* Set before load: the other side's inner end, 0: mark the packet only. */
const volatile __u32 past_ifindex;

/* TTL and protocol share a word of the header's sum. False: it may go no further. */
static __always_inline bool past_age_ipv4(struct __sk_buff *skb)
{
	const __u32 at = ETH_HLEN + __builtin_offsetof(struct iphdr, ttl);
	__be16 was, is;

	if (bpf_skb_load_bytes(skb, at, &was, sizeof(was)) || bpf_ntohs(was) >> 8 <= 1)
		return false;
	is = bpf_htons(bpf_ntohs(was) - 0x100);
	return !bpf_l3_csum_replace(skb,
				    ETH_HLEN + __builtin_offsetof(struct iphdr, check),
				    was, is, sizeof(is)) &&
	       !bpf_skb_store_bytes(skb, at, &is, sizeof(is), 0);
}

static __always_inline bool past_age_ipv6(struct __sk_buff *skb)
{
	const __u32 at = ETH_HLEN + __builtin_offsetof(struct ipv6hdr, hop_limit);
	__u8 hops;

	if (bpf_skb_load_bytes(skb, at, &hops, sizeof(hops)) || hops <= 1)
		return false;
	hops--;
	return !bpf_skb_store_bytes(skb, at, &hops, sizeof(hops), 0);
}

/*
 * The kernel looks the next hop up, with the device given: by the side's own table
 * (bpf_redirect_neigh, 5.10). TC_ACT_UNSPEC: the packet goes the usual way, and is
 * dropped.
 */
static __always_inline int past_forward(struct __sk_buff *skb)
{
	if (!past_ifindex)
		return TC_ACT_UNSPEC;
	if (skb->protocol == bpf_htons(ETH_P_IP) ? !past_age_ipv4(skb)
						 : !past_age_ipv6(skb))
		return TC_ACT_UNSPEC;
	return (int)bpf_redirect_neigh(past_ifindex, 0, 0, 0);
}

#endif
