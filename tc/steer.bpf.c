/* SPDX-License-Identifier: GPL-2.0-only */
/* Owns the marks by which the namespace's rules tell sides, and what is whose. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IPV4_OFFSET_MASK 0x1fff /* of frag_off */
#define IPV4_FRAGMENT    0x3fff /* offset and "more fragments" */
#define IPV6_OFFSET_MASK 0xfff8
#define IPV6_FRAGMENT    0xfff9
#define ICMP_HEADER      8 /* both families: the embedded packet follows */
#define EXTENSIONS_MAX   6

/* linux/icmp.h has these too, but drags in a libc that the BPF target has none of. */
enum { ICMP_UNREACHABLE = 3, ICMP_TIME_EXCEEDED = 11, ICMP_PARAMETER_PROBLEM = 12 };
enum { ICMPV6_UNREACHABLE = 1, ICMPV6_PARAMETER_PROBLEM = 4 }; /* RFC 4443: 1..4 */

/* Set before load. own_marks: the bits that nobody else's setting survives. */
const volatile __u32 own_marks;
const volatile __u32 side_mark;
const volatile __u32 local_mark;
const volatile __u32 pass_mark;

struct ports {
	__be16 source, dest;
	__be32 sequence; /* RFC 792 promises these 8 bytes, and the kernel wants them */
};

struct extension {
	__u8 next, length;
	__be16 offset; /* of a fragment header */
};

/*
 * True where a socket of this namespace has the flow; a listener has none. The tuple is
 * as in a packet that arrives for the socket. Time-wait and request sockets count.
 */
static __always_inline bool flow_has_socket(struct __sk_buff *skb,
					    struct bpf_sock_tuple *tuple, __u32 size)
{
	struct bpf_sock *sk =
		bpf_skc_lookup_tcp(skb, tuple, size, BPF_F_CURRENT_NETNS, 0);
	bool found;

	if (!sk)
		return false;
	found = sk->state != BPF_TCP_LISTEN;
	bpf_sk_release(sk);
	return found;
}

static __always_inline bool icmp_is_error(__u8 type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETER_PROBLEM;
}

static __always_inline bool icmp6_is_error(__u8 type)
{
	return type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER_PROBLEM;
}

/* The embedded packet's sender would be our socket: its source is local, turned round. */
static __always_inline bool error_is_local_ipv4(struct __sk_buff *skb)
{
	__u32 at = ETH_HLEN;
	struct iphdr ip, sent;
	struct ports ports;
	struct bpf_sock_tuple tuple = {};
	__u8 type;

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.protocol != IPPROTO_ICMP ||
	    ip.ihl < 5 || (ip.frag_off & bpf_htons(IPV4_FRAGMENT)))
		return false;
	at += ip.ihl * 4;
	if (bpf_skb_load_bytes(skb, at, &type, sizeof(type)) || !icmp_is_error(type))
		return false;
	at += ICMP_HEADER;
	if (bpf_skb_load_bytes(skb, at, &sent, sizeof(sent)) || sent.version != 4 ||
	    sent.ihl < 5 || sent.protocol != IPPROTO_TCP || sent.saddr != ip.daddr ||
	    (sent.frag_off & bpf_htons(IPV4_OFFSET_MASK)))
		return false;
	at += sent.ihl * 4;
	if (bpf_skb_load_bytes(skb, at, &ports, sizeof(ports)))
		return false;
	tuple.ipv4.saddr = sent.daddr;
	tuple.ipv4.daddr = sent.saddr;
	tuple.ipv4.sport = ports.dest;
	tuple.ipv4.dport = ports.source;
	return flow_has_socket(skb, &tuple, sizeof(tuple.ipv4));
}

/*
 * Follows extension headers of the kind `next` from `at` to the first header that is
 * none. Returns its offset << 8 | its kind, or 0 where the chain is broken, too long, or
 * a fragment header has one of the bits of `fragment`. Not static, so that the verifier
 * goes through it once and not with every path that leads to a call: 1 ms to load
 * instead of 25.
 */
__noinline __u32 ipv6_skip(struct __sk_buff *skb, __u32 at, __u32 next, __u32 fragment)
{
	struct extension e;

	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
		    next != IPPROTO_DSTOPTS && next != IPPROTO_FRAGMENT)
			return at << 8 | (next & 0xff);
		if (bpf_skb_load_bytes(skb, at, &e, sizeof(e)))
			return 0;
		if (next == IPPROTO_FRAGMENT) {
			if (bpf_ntohs(e.offset) & fragment)
				return 0;
			e.length = 0;
		}
		at += (e.length + 1) * 8;
		next = e.next;
	}
	return 0;
}

static __always_inline bool address_equal(const struct in6_addr *a,
					  const struct in6_addr *b)
{
	return a->s6_addr32[0] == b->s6_addr32[0] && a->s6_addr32[1] == b->s6_addr32[1] &&
	       a->s6_addr32[2] == b->s6_addr32[2] && a->s6_addr32[3] == b->s6_addr32[3];
}

static __always_inline bool error_is_local_ipv6(struct __sk_buff *skb)
{
	struct ipv6hdr ip, sent;
	struct ports ports;
	struct bpf_sock_tuple tuple = {};
	__u32 at = ETH_HLEN;
	__u8 type;

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)))
		return false;
	at = ipv6_skip(skb, at + sizeof(ip), ip.nexthdr, IPV6_FRAGMENT);
	if ((at & 0xff) != IPPROTO_ICMPV6)
		return false;
	at >>= 8;
	if (bpf_skb_load_bytes(skb, at, &type, sizeof(type)) || !icmp6_is_error(type))
		return false;
	at += ICMP_HEADER;
	if (bpf_skb_load_bytes(skb, at, &sent, sizeof(sent)) || sent.version != 6 ||
	    !address_equal(&sent.saddr, &ip.daddr))
		return false;
	at = ipv6_skip(skb, at + sizeof(sent), sent.nexthdr, IPV6_OFFSET_MASK);
	if ((at & 0xff) != IPPROTO_TCP ||
	    bpf_skb_load_bytes(skb, at >> 8, &ports, sizeof(ports)))
		return false;
	__builtin_memcpy(tuple.ipv6.saddr, &sent.daddr, sizeof(tuple.ipv6.saddr));
	__builtin_memcpy(tuple.ipv6.daddr, &sent.saddr, sizeof(tuple.ipv6.daddr));
	tuple.ipv6.sport = ports.dest;
	tuple.ipv6.dport = ports.source;
	return flow_has_socket(skb, &tuple, sizeof(tuple.ipv6));
}

#include "tc/gate.bpf.h" /* uses the above */
#include "tc/past.bpf.h"

/*
 * Nearly every packet is TCP or UDP: one look into the linear part spares it the
 * helper calls above. A header outside the linear part takes the long way.
 */
static __always_inline bool packet_is_plain(const struct __sk_buff *skb, __u32 protocol)
{
	const __u8 *data = (const __u8 *)(long)skb->data;
	const __u8 *end = (const __u8 *)(long)skb->data_end;
	__u32 at = ETH_HLEN + (protocol == bpf_htons(ETH_P_IP)
				       ? __builtin_offsetof(struct iphdr, protocol)
				       : __builtin_offsetof(struct ipv6hdr, nexthdr));

	if (data + at + 1 > end)
		return false;
	return data[at] == IPPROTO_TCP || data[at] == IPPROTO_UDP;
}

/* The marks, but for the side's, that a packet of IP is due. */
static __always_inline __u32 steer_ip(struct __sk_buff *skb, __u32 protocol, bool *waits)
{
	if (packet_is_plain(skb, protocol))
		return gate_mark(skb, waits);
	if (protocol == bpf_htons(ETH_P_IP) ? error_is_local_ipv4(skb)
					    : error_is_local_ipv6(skb))
		return local_mark;
	return gate_mark(skb, waits);
}

/*
 * On an inner end's ingress, whatever the datapath. A mark that the host's own filters
 * left keeps its other bits (a frame brought by bpf_redirect_peer keeps its mark).
 */
SEC("tc")
int hapep_steer(struct __sk_buff *skb)
{
	__u32 mark = (skb->mark & ~own_marks) | side_mark;
	__u32 protocol = skb->protocol;
	bool waits = false;

	if (protocol == bpf_htons(ETH_P_IP) || protocol == bpf_htons(ETH_P_IPV6))
		mark |= steer_ip(skb, protocol, &waits);
	if (mark != skb->mark)
		skb->mark = mark;
	return waits ? past_forward(skb) : TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
