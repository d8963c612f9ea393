/* SPDX-License-Identifier: GPL-2.0-only */
/* Owns which packets of the service ports are forwarded past the proxy. */
#ifndef TC_GATE_BPF_H
#define TC_GATE_BPF_H

#include <linux/tcp.h>

#include "tc/gate.h"
#include "tc/ports.bpf.h"

#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_ACK 0x10

/* Set before load. */
const volatile struct gate_ports service[GATE_PORTS_MAX];
const volatile __u32 services;
/* Service ports of before: their proxied flows go on, new ones pass by the proxy. */
const volatile struct gate_ports leaving[GATE_PORTS_MAX];
const volatile __u32 leavings;
const volatile bool server_side;
const volatile bool fail_closed;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gate_order);
} gate_order SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gate_counters);
} gate_counters SEC(".maps");

/*
 * Forwarded flows whose four numbers a proxied one had before, and has a time-wait
 * socket of: the one thing that the namespace's own sockets cannot tell apart.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GATE_FLOWS_MAX);
	__type(key, struct bpf_sock_tuple);
	__type(value, __u8);
} gate_again SEC(".maps");

struct segment {
	struct bpf_sock_tuple tuple;
	__u32 size; /* of the tuple's family */
	__u32 at;   /* of the TCP header */
	__u8 flags;
	bool leaving; /* its port is no service port any more */
};

/* A TCP header's first 14 bytes. */
struct segment_head {
	__be16 source, dest;
	__be32 sequence, acknowledged;
	__u8 offset, flags;
} __attribute__((packed));

/* Whether it is the service's, or was. */
static __always_inline bool segment_is_service(struct segment *s,
					       const struct segment_head *head)
{
	__u16 port = bpf_ntohs(server_side ? head->source : head->dest);

	s->leaving = leavings && ports_have(leaving, leavings, port);
	return s->leaving || ports_have(service, services, port);
}

static __always_inline bool segment_read_ipv4(struct __sk_buff *skb, struct segment *s,
					      struct segment_head *head)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) ||
	    ip.protocol != IPPROTO_TCP || ip.ihl < 5 ||
	    (ip.frag_off & bpf_htons(IPV4_OFFSET_MASK)))
		return false;
	s->at = ETH_HLEN + ip.ihl * 4;
	if (bpf_skb_load_bytes(skb, s->at, head, sizeof(*head)))
		return false;
	s->size = sizeof(s->tuple.ipv4);
	s->tuple.ipv4.saddr = ip.saddr;
	s->tuple.ipv4.daddr = ip.daddr;
	s->tuple.ipv4.sport = head->source;
	s->tuple.ipv4.dport = head->dest;
	return true;
}

static __always_inline bool segment_read_ipv6(struct __sk_buff *skb, struct segment *s,
					      struct segment_head *head)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return false;
	s->at = ETH_HLEN + sizeof(ip);
	if (ip.nexthdr != IPPROTO_TCP) {
		__u32 found = ipv6_skip(skb, s->at, ip.nexthdr, IPV6_OFFSET_MASK);

		if ((found & 0xff) != IPPROTO_TCP)
			return false;
		s->at = found >> 8;
	}
	if (bpf_skb_load_bytes(skb, s->at, head, sizeof(*head)))
		return false;
	s->size = sizeof(s->tuple.ipv6);
	__builtin_memcpy(s->tuple.ipv6.saddr, &ip.saddr, sizeof(s->tuple.ipv6.saddr));
	__builtin_memcpy(s->tuple.ipv6.daddr, &ip.daddr, sizeof(s->tuple.ipv6.daddr));
	s->tuple.ipv6.sport = head->source;
	s->tuple.ipv6.dport = head->dest;
	return true;
}

/* False where it is no TCP packet from or to a service port, or a later fragment. */
static __always_inline bool segment_read(struct __sk_buff *skb, struct segment *s)
{
	struct segment_head head = {};
	bool read;

	read = skb->protocol == bpf_htons(ETH_P_IP) ? segment_read_ipv4(skb, s, &head)
						    : segment_read_ipv6(skb, s, &head);
	if (!read)
		return false;
	s->flags = head.flags;
	return segment_is_service(s, &head);
}

/*
 * The ACK that answers a SYN cookie of our own: no socket has it yet, and the server
 * never saw its SYN. Where no cookie was sent lately the kernel says so at once.
 */
static __always_inline bool segment_has_cookie(struct __sk_buff *skb,
					       const struct segment *s,
					       struct bpf_sock *listener)
{
	struct tcphdr tcp;
	struct ipv6hdr ip6;
	struct iphdr ip;

	if (server_side || !(s->flags & FLAG_ACK) || (s->flags & (FLAG_SYN | FLAG_RST)) ||
	    bpf_skb_load_bytes(skb, s->at, &tcp, sizeof(tcp)))
		return false;
	if (s->size == sizeof(s->tuple.ipv4))
		return !bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) &&
		       !bpf_tcp_check_syncookie(listener, &ip, sizeof(ip), &tcp,
						sizeof(tcp));
	return !bpf_skb_load_bytes(skb, ETH_HLEN, &ip6, sizeof(ip6)) &&
	       !bpf_tcp_check_syncookie(listener, &ip6, sizeof(ip6), &tcp, sizeof(tcp));
}

static __always_inline bool gate_is_open(const struct gate_order *order)
{
	if (fail_closed)
		return order->until != GATE_UNTIL_DRAINED;
	return bpf_ktime_get_ns() < order->until;
}

/* A flow that begins: the client's SYN. */
static __always_inline bool gate_passes_syn(const struct segment *s, bool open,
					    bool found, __u32 state)
{
	const __u8 yes = 1;

	if (open) {
		/* No listener: whoever held them is gone, and the gate not yet shut. */
		if (found && state == BPF_TCP_TIME_WAIT)
			bpf_map_delete_elem(&gate_again, &s->tuple);
		return !found && !fail_closed;
	}
	if (found && state == BPF_TCP_TIME_WAIT)
		bpf_map_update_elem(&gate_again, &s->tuple, &yes, BPF_ANY);
	return !found || state == BPF_TCP_LISTEN || state == BPF_TCP_TIME_WAIT;
}

/*
 * Any other packet. A flow with a socket is proxied to its end, one without was
 * forwarded from its start (or began before hapep) and is to its end.
 */
static __always_inline bool
gate_passes_later(struct __sk_buff *skb, const struct segment *s, struct bpf_sock *sk)
{
	const __u8 yes = 1;

	if (!sk)
		return true;
	if (sk->state == BPF_TCP_LISTEN)
		return !segment_has_cookie(skb, s, sk);
	if (sk->state != BPF_TCP_TIME_WAIT)
		return false;
	/* Our own connect() would have put a new socket in this one's place. */
	if (s->flags & FLAG_SYN) {
		bpf_map_update_elem(&gate_again, &s->tuple, &yes, BPF_ANY);
		return true;
	}
	return bpf_map_lookup_elem(&gate_again, &s->tuple);
}

/*
 * What a TPROXY rule would find for the packet: the rule names a loopback address
 * (netns/tproxy.h). A sk_lookup program needs no such help: bpf_skc_lookup_tcp runs it.
 */
static __always_inline struct bpf_sock *gate_listener(struct __sk_buff *skb,
						      const struct segment *s, __u16 port)
{
	struct bpf_sock_tuple to = s->tuple;

	if (s->size == sizeof(to.ipv4)) {
		to.ipv4.daddr = bpf_htonl(0x7f000001);
		to.ipv4.dport = bpf_htons(port);
		return bpf_skc_lookup_tcp(skb, &to, sizeof(to.ipv4), BPF_F_CURRENT_NETNS,
					  0);
	}
	to.ipv6.daddr[0] = to.ipv6.daddr[1] = to.ipv6.daddr[2] = 0;
	to.ipv6.daddr[3] = bpf_htonl(1);
	to.ipv6.dport = bpf_htons(port);
	return bpf_skc_lookup_tcp(skb, &to, sizeof(to.ipv6), BPF_F_CURRENT_NETNS, 0);
}

static __always_inline void gate_count(bool connection)
{
	__u32 zero = 0;
	struct gate_counters *c = bpf_map_lookup_elem(&gate_counters, &zero);

	if (!c)
		return;
	c->packets++;
	c->connections += connection;
}

/* Whether it goes past the proxy, sk being the socket that it would go to. */
static __always_inline bool gate_passes(struct __sk_buff *skb, const struct segment *s,
					const struct gate_order *order,
					struct bpf_sock *sk)
{
	bool syn = !server_side && (s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
	bool open = !s->leaving && gate_is_open(order);
	bool passes = syn ? gate_passes_syn(s, open, sk, sk ? sk->state : 0)
			  : gate_passes_later(skb, s, sk);

	if (passes)
		gate_count(syn);
	return passes;
}

/* Where flows may have been forwarded that are the service's by their port. */
static __always_inline bool gate_is_asked(const struct gate_order *order)
{
	return services && (leavings || !fail_closed || order->forwarded);
}

/*
 * The mark that a packet from or to a service port is due: pass_mark where it goes past
 * the proxy; and, since no rule leads those of leaving ports to their sockets any more,
 * local_mark for them. *waits: it goes past the proxy though a time-wait socket has it.
 */
static __always_inline __u32 gate_mark(struct __sk_buff *skb, bool *waits)
{
	struct segment s = {};
	__u32 zero = 0;
	struct gate_order *order = bpf_map_lookup_elem(&gate_order, &zero);
	struct bpf_sock *sk;
	bool passes;

	if (!order || !gate_is_asked(order) || !segment_read(skb, &s))
		return 0;
	sk = bpf_skc_lookup_tcp(skb, &s.tuple, s.size, BPF_F_CURRENT_NETNS, 0);
	if (!sk && !server_side && order->proxy_port)
		sk = gate_listener(skb, &s, (__u16)order->proxy_port);
	passes = gate_passes(skb, &s, order, sk);
	*waits = passes && sk && sk->state == BPF_TCP_TIME_WAIT;
	if (sk)
		bpf_sk_release(sk);
	return passes ? pass_mark : s.leaving ? local_mark : 0;
}

#endif
