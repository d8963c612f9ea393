/* SPDX-License-Identifier: GPL-2.0-only */
/* Refuses connections to the proxy's own addresses, which would loop through it. */
#include <linux/in.h>

#include "netns/own.bpf.h"

const volatile struct guard_wanted wanted = { 0 };

/*
 * Runs where no established connection matches. Another sk_lookup program that selects
 * a socket overrides SK_DROP, so such a program must let these addresses alone itself.
 */
SEC("sk_lookup")
int netns_guard(struct bpf_sk_lookup *ctx)
{
	if (ctx->protocol != IPPROTO_TCP || !guard_own(ctx, &wanted) ||
	    !guard_port(ctx->local_port, &wanted))
		return SK_PASS;
	return SK_DROP;
}

char LICENSE[] SEC("license") = "GPL";
