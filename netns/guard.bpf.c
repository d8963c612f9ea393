/* SPDX-License-Identifier: GPL-2.0-only */
/* Refuses connections to the proxy's own addresses, which would loop through it. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "netns/guard.h"

#define AF_INET  2
#define AF_INET6 10

const volatile struct guard_wanted wanted = { 0 };

static __always_inline bool guard_own_ipv4(const struct bpf_sk_lookup *ctx)
{
	__u32 to = ctx->local_ip4;

	return to && (to == wanted.ipv4[0] || to == wanted.ipv4[1]);
}

static __always_inline bool guard_own_ipv6(const struct bpf_sk_lookup *ctx)
{
	__u32 a = ctx->local_ip6[0], b = ctx->local_ip6[1], c = ctx->local_ip6[2],
	      d = ctx->local_ip6[3];

	/* Link-local: the inner ends' own, alike on both sides where one NIC is both. */
	if ((a & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000))
		return true;
	if (!(a | b | c | d))
		return false;
	for (int i = 0; i < 2; i++) {
		if (a == wanted.ipv6[i][0] && b == wanted.ipv6[i][1] &&
		    c == wanted.ipv6[i][2] && d == wanted.ipv6[i][3])
			return true;
	}
	return false;
}

static __always_inline bool guard_port(__u32 port)
{
	for (__u32 i = 0; i < GUARD_RANGES && i < wanted.ranges; i++) {
		if (port >= wanted.range[i].first && port <= wanted.range[i].last)
			return true;
	}
	return false;
}

/*
 * Runs where no established connection matches. Another sk_lookup program that selects
 * a socket overrides SK_DROP, so such a program must let these addresses alone itself.
 */
SEC("sk_lookup")
int netns_guard(struct bpf_sk_lookup *ctx)
{
	bool own = ctx->family == AF_INET ? guard_own_ipv4(ctx) : guard_own_ipv6(ctx);

	if (ctx->protocol != IPPROTO_TCP || !own || !guard_port(ctx->local_port))
		return SK_PASS;
	return SK_DROP;
}

char LICENSE[] SEC("license") = "GPL";
