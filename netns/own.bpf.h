/* SPDX-License-Identifier: GPL-2.0-only */
/* What the sk_lookup programs ask of a connection: is it to the proxy, to the service? */
#ifndef NETNS_OWN_BPF_H
#define NETNS_OWN_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "netns/guard.h"

#define AF_INET  2
#define AF_INET6 10

static __always_inline bool guard_own_ipv4(const struct bpf_sk_lookup *ctx,
					   const volatile struct guard_wanted *w)
{
	__u32 to = ctx->local_ip4;

	return to && (to == w->ipv4[0] || to == w->ipv4[1]);
}

static __always_inline bool guard_own_ipv6(const struct bpf_sk_lookup *ctx,
					   const volatile struct guard_wanted *w)
{
	__u32 a = ctx->local_ip6[0], b = ctx->local_ip6[1], c = ctx->local_ip6[2],
	      d = ctx->local_ip6[3];

	/* Link-local: the inner ends' own, alike on both sides where one NIC is both. */
	if ((a & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000))
		return true;
	if (!(a | b | c | d))
		return false;
	for (int i = 0; i < 2; i++) {
		if (a == w->ipv6[i][0] && b == w->ipv6[i][1] && c == w->ipv6[i][2] &&
		    d == w->ipv6[i][3])
			return true;
	}
	return false;
}

static __always_inline bool guard_port(__u32 port, const volatile struct guard_wanted *w)
{
	for (__u32 i = 0; i < GUARD_RANGES && i < w->ranges; i++) {
		if (port >= w->range[i].first && port <= w->range[i].last)
			return true;
	}
	return false;
}

static __always_inline bool guard_own(const struct bpf_sk_lookup *ctx,
				      const volatile struct guard_wanted *w)
{
	return ctx->family == AF_INET ? guard_own_ipv4(ctx, w) : guard_own_ipv6(ctx, w);
}

#endif
