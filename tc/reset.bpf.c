/* SPDX-License-Identifier: GPL-2.0-only */
/* Owns passing a server's RST on to the client as RST, where HAProxy sends FIN. */
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

#include "tc/ports.bpf.h"

#define FLAGS_OFFSET  12     /* of the TCP header: data offset, then the flags */
#define IPV4_FRAGMENT 0x3fff /* of frag_off: offset and "more fragments" */
#define RESETS_MAX    16384  /* between a RST and the FIN that follows it; 2 MB */

/*
 * A refusal ends the client's connection at once, unless HAProxy's second attempt, from
 * another port, succeeds: then no later FIN is because of the first one's RST.
 */
#define REFUSAL_NS 10000000000ULL

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };

/* Set before load: ports of servers for which HAProxy answers, a reset included. */
const volatile struct gate_ports answered[GATE_PORTS_MAX];
const volatile __u32 answereds;

/* From the server to the client, as on the wire; IPv4 in the last word. */
struct flow {
	__be32 from[4], to[4];
	__be16 from_port, to_port;
};

/* What the server reset: when it refused (ns of the monotonic clock), 0: later on. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RESETS_MAX);
	__type(key, struct flow);
	__type(value, __u64);
} hapep_resets SEC(".maps");

struct packet {
	struct flow flow;
	__u32 tcp;     /* offset of its TCP header */
	__u32 payload; /* bytes */
	__be32 seq, ack;
	__u8 flags;
	bool six;
};

/* A NIC may have left the headers outside the linear part. */
static __always_inline bool headers_linear(struct __sk_buff *skb, __u32 size)
{
	if ((void *)(long)skb->data + size <= (void *)(long)skb->data_end)
		return true;
	return skb->len >= size && !bpf_skb_pull_data(skb, size);
}

/* A packet with IPv4 options or IPv6 extension headers is nobody's here. */
static __always_inline bool packet_read_ipv4(struct __sk_buff *skb, struct packet *p)
{
	const struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN;

	if ((void *)(ip + 1) > (void *)(long)skb->data_end || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_TCP || (ip->frag_off & bpf_htons(IPV4_FRAGMENT)))
		return false;
	p->flow.from[3] = ip->saddr;
	p->flow.to[3] = ip->daddr;
	p->tcp = ETH_HLEN + sizeof(*ip);
	return true;
}

static __always_inline bool packet_read_ipv6(struct __sk_buff *skb, struct packet *p)
{
	const struct ipv6hdr *ip = (void *)(long)skb->data + ETH_HLEN;

	if ((void *)(ip + 1) > (void *)(long)skb->data_end || ip->nexthdr != IPPROTO_TCP)
		return false;
	__builtin_memcpy(p->flow.from, &ip->saddr, sizeof(p->flow.from));
	__builtin_memcpy(p->flow.to, &ip->daddr, sizeof(p->flow.to));
	p->tcp = ETH_HLEN + sizeof(*ip);
	p->six = true;
	return true;
}

/* True where it is TCP with one of the flags: nearly every packet has none of them. */
static __always_inline bool packet_read(struct __sk_buff *skb, __u8 flags,
					struct packet *p)
{
	const struct tcphdr *t;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (!headers_linear(skb, ETH_HLEN + sizeof(struct iphdr) + sizeof(*t)) ||
		    !packet_read_ipv4(skb, p))
			return false;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (!headers_linear(skb,
				    ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(*t)) ||
		    !packet_read_ipv6(skb, p))
			return false;
	} else {
		return false;
	}
	t = (void *)(long)skb->data + p->tcp;
	if ((void *)(t + 1) > (void *)(long)skb->data_end)
		return false;
	p->flags = ((const __u8 *)t)[FLAGS_OFFSET + 1];
	if (!(p->flags & flags))
		return false;
	p->flow.from_port = t->source;
	p->flow.to_port = t->dest;
	p->seq = t->seq;
	p->ack = t->ack_seq;
	p->payload = skb->len - p->tcp - t->doff * 4;
	return true;
}

/* The proxy's socket to which the packet goes, or NULL; the caller releases it. */
static __always_inline struct bpf_sock *packet_socket(struct __sk_buff *skb,
						      const struct packet *p)
{
	struct bpf_sock_tuple t = {};

	if (p->six) {
		__builtin_memcpy(t.ipv6.saddr, p->flow.from, sizeof(t.ipv6.saddr));
		__builtin_memcpy(t.ipv6.daddr, p->flow.to, sizeof(t.ipv6.daddr));
		t.ipv6.sport = p->flow.from_port;
		t.ipv6.dport = p->flow.to_port;
		return bpf_skc_lookup_tcp(skb, &t, sizeof(t.ipv6), BPF_F_CURRENT_NETNS,
					  0);
	}
	t.ipv4.saddr = p->flow.from[3];
	t.ipv4.daddr = p->flow.to[3];
	t.ipv4.sport = p->flow.from_port;
	t.ipv4.dport = p->flow.to_port;
	return bpf_skc_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
}

enum belief { DOUBTED, REFUSED, RESET };

/*
 * A RST behind the server's FIN takes nothing back: forwarded, it would find a client
 * that has the end of the stream. HAProxy may not have read that far yet.
 */
static __always_inline bool server_ended(__u32 state)
{
	return state == BPF_TCP_CLOSE_WAIT || state == BPF_TCP_LAST_ACK ||
	       state == BPF_TCP_CLOSING;
}

/*
 * Whether the kernel will believe a RST, by RFC 5961 and RFC 9293, 3.10.7.3: the number
 * must be exact. A RST that it doubts it answers with a challenge ACK, and a server that
 * meant it repeats it with the exact number. Exact it is not either where the data just
 * before it still waits for HAProxy to let go of the socket: then FIN stays FIN.
 */
static __always_inline enum belief reset_belief(struct __sk_buff *skb,
						const struct packet *p)
{
	struct bpf_sock *sk = packet_socket(skb, p);
	enum belief belief = DOUBTED;
	struct bpf_tcp_sock *tcp;

	if (!sk)
		return DOUBTED;
	tcp = bpf_tcp_sock(sk); /* NULL for a time-wait or request socket */
	if (!tcp || sk->state == BPF_TCP_LISTEN)
		belief = DOUBTED;
	else if (sk->state == BPF_TCP_SYN_SENT)
		/* snd_nxt moves only once the SYN is out: an answer may be quicker. */
		belief = (p->flags & ACK) && tcp->snd_una + 1 == bpf_ntohl(p->ack)
				 ? REFUSED
				 : DOUBTED;
	else if (!server_ended(sk->state) && tcp->rcv_nxt == bpf_ntohl(p->seq))
		belief = RESET;
	bpf_sk_release(sk);
	return belief;
}

/* On the server side's inner end, ingress: notes which connections the server reset. */
SEC("tc")
int hapep_reset_in(struct __sk_buff *skb)
{
	struct packet p = {};
	enum belief belief;
	__u64 when;

	if (!packet_read(skb, RST | SYN, &p) ||
	    (answereds && ports_have(answered, answereds, bpf_ntohs(p.flow.from_port))))
		return TC_ACT_UNSPEC;
	if (p.flags & SYN) { /* the ports' next connection, or the next attempt */
		bpf_map_delete_elem(&hapep_resets, &p.flow);
		return TC_ACT_UNSPEC;
	}
	belief = reset_belief(skb, &p);
	if (belief == DOUBTED)
		return TC_ACT_UNSPEC;
	when = belief == REFUSED ? bpf_ktime_get_ns() : 0;
	bpf_map_update_elem(&hapep_resets, &p.flow, &when, BPF_ANY);
	return TC_ACT_UNSPEC;
}

/*
 * What the proxy sends has CHECKSUM_PARTIAL: its sum is the pseudo-header's alone, which
 * the flags and numbers are no part of, and bpf_l4_csum_replace knows to leave it.
 */
static __always_inline void set_flags(struct __sk_buff *skb, const struct packet *p,
				      __u8 flags)
{
	__u32 at = p->tcp + FLAGS_OFFSET;
	__be16 was, is;

	if (bpf_skb_load_bytes(skb, at, &was, sizeof(was)))
		return;
	is = (was & bpf_htons(0xff00)) | bpf_htons(flags);
	bpf_l4_csum_replace(skb, p->tcp + __builtin_offsetof(struct tcphdr, check), was,
			    is, sizeof(is));
	bpf_skb_store_bytes(skb, at, &is, sizeof(is), 0);
}

static __always_inline void set_number(struct __sk_buff *skb, const struct packet *p,
				       __u32 offset, __be32 was, __be32 is)
{
	bpf_l4_csum_replace(skb, p->tcp + __builtin_offsetof(struct tcphdr, check), was,
			    is, sizeof(is));
	bpf_skb_store_bytes(skb, p->tcp + offset, &is, sizeof(is), 0);
}

static __always_inline void set_numbers(struct __sk_buff *skb, const struct packet *p,
					bool swapped)
{
	__be32 seq = swapped ? p->ack : p->seq, ack = swapped ? p->seq : p->ack;

	set_number(skb, p, __builtin_offsetof(struct tcphdr, seq), ack, seq);
	set_number(skb, p, __builtin_offsetof(struct tcphdr, ack_seq), seq, ack);
}

/* Swaps two fields of `size` bytes, side by side. */
static __always_inline void swap(struct __sk_buff *skb, __u32 at, const __u32 size)
{
	__u8 was[32], is[32];

	if (bpf_skb_load_bytes(skb, at, was, 2 * size))
		return;
	__builtin_memcpy(is, was + size, size);
	__builtin_memcpy(is + size, was, size);
	bpf_skb_store_bytes(skb, at, is, 2 * size, 0);
}

/* Addresses and ports change places: the sums stay as they are. */
static __always_inline void turn(struct __sk_buff *skb, const struct packet *p)
{
	swap(skb, 0, ETH_ALEN);
	if (p->six)
		swap(skb, ETH_HLEN + __builtin_offsetof(struct ipv6hdr, saddr),
		     sizeof(struct in6_addr));
	else
		swap(skb, ETH_HLEN + __builtin_offsetof(struct iphdr, saddr),
		     sizeof(__be32));
	swap(skb, p->tcp, sizeof(__be16));
}

/*
 * Makes the FIN a RST, to the client and, as if the client had sent it, to the proxy's
 * own socket: that one would otherwise repeat its FIN until it gives up.
 */
static __always_inline void reset_both(struct __sk_buff *skb, const struct packet *p)
{
	set_flags(skb, p, RST | ACK);
	turn(skb, p);
	set_numbers(skb, p, true);
	bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS);
	turn(skb, p);
	set_numbers(skb, p, false);
}

/* The proxy's TCP socket that sent the packet; NULL: it is somebody else's. */
static __always_inline struct bpf_tcp_sock *packet_sender(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (sk)
		sk = bpf_sk_fullsock(sk);
	return sk ? bpf_tcp_sock(sk) : 0;
}

/* True where the refusal is no reason any more: old, or the next attempt had an answer.
 */
static __always_inline bool refusal_over(__u64 when, const struct bpf_tcp_sock *sender)
{
	return when && (sender->bytes_acked || bpf_ktime_get_ns() - when > REFUSAL_NS);
}

/* On the client side's inner end, egress, before a tag is pushed: FIN becomes RST. */
SEC("tc")
int hapep_reset_out(struct __sk_buff *skb)
{
	struct bpf_tcp_sock *sender;
	struct packet p = {};
	__u64 *when;

	if (!packet_read(skb, FIN | SYN, &p))
		return TC_ACT_UNSPEC;
	when = bpf_map_lookup_elem(&hapep_resets, &p.flow);
	if (!when)
		return TC_ACT_UNSPEC;
	sender = packet_sender(skb);
	if (!sender || (p.flags & SYN) || refusal_over(*when, sender)) {
		bpf_map_delete_elem(&hapep_resets, &p.flow);
		return TC_ACT_UNSPEC;
	}
	/*
	 * The data first, and its repetition too where the path lost some: the server has
	 * seen it acknowledged. The proxy repeats the FIN, alone, when it is.
	 */
	if (p.payload || sender->snd_una != bpf_ntohl(p.seq))
		set_flags(skb, &p, p.flags & ~FIN);
	else
		reset_both(skb, &p);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
