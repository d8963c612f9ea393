/* SPDX-License-Identifier: GPL-2.0-only */
/* Gives connections to the service ports to the sockets that listen on the proxy port. */
#include <linux/in.h>

#include "netns/own.bpf.h"

#define TRIES 32 /* sockets tried before the group is given up */

const volatile struct lookup_wanted wanted = { 0 };

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, LOOKUP_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

static __always_inline __u32 lookup_slot(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return wanted.by_cpu ? wanted.slot_of_cpu[cpu % LOOKUP_CPUS] : 0;
}

/*
 * Runs where no established connection matches. To the proxy's own addresses it says
 * nothing: a socket that one program selects would override the guard's SK_DROP. A slot
 * whose socket is gone is passed over, and so is one that listens no more: since 5.16 a
 * sockmap keeps it, until the next program has a map without it.
 */
SEC("sk_lookup")
int netns_lookup(struct bpf_sk_lookup *ctx)
{
	__u32 slot, first = lookup_slot();

	if (ctx->protocol != IPPROTO_TCP ||
	    !guard_port(ctx->local_port, &wanted.service) ||
	    guard_own(ctx, &wanted.service))
		return SK_PASS;
	for (__u32 i = 0; i < TRIES; i++) {
		struct bpf_sock *sk;
		long failed;

		slot = first + i;
		if (slot >= wanted.slots)
			slot -= wanted.slots;
		sk = bpf_map_lookup_elem(&sockets, &slot);
		if (!sk)
			continue;
		failed = bpf_sk_assign(ctx, sk,
				       wanted.by_cpu ? BPF_SK_LOOKUP_F_NO_REUSEPORT : 0);
		bpf_sk_release(sk);
		if (!failed)
			return SK_PASS;
	}
	return SK_PASS;
}

char LICENSE[] SEC("license") = "GPL";
