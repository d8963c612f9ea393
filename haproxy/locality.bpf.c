/* SPDX-License-Identifier: GPL-2.0-only */
/* Counts, for each core, the connections accepted on it, and those received on it too. */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "haproxy/locality.h"

/* What is needed of the kernel's own structures; BTF tells where it is in them. */
#define KERNELS __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} KERNELS;

struct net {
	struct ns_common ns;
} KERNELS;

typedef struct {
	struct net *net;
} KERNELS possible_net_t;

struct sock_common {
	possible_net_t skc_net;
	int skc_incoming_cpu;
} KERNELS;

struct sock {
	struct sock_common __sk_common;
} KERNELS;

const volatile __u32 wanted_netns = 0; /* the number of its inode */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct locality_counts);
} counts SEC(".maps");

/*
 * Runs in the process that accepts, on its core. sk_incoming_cpu of a connection that was
 * just made is the core on which the last packet of its handshake came in
 * (sk_clone_lock), or the next one's.
 */
SEC("fexit/inet_csk_accept")
int haproxy_locality(unsigned long long *ctx)
{
	struct locality_counts *mine;
	__u32 zero = 0;
	__u64 result = 0;
	struct sock *sk;

	if (bpf_get_func_ret(ctx, &result) || !result)
		return 0;
	sk = (struct sock *)result;
	if (BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != wanted_netns)
		return 0;
	mine = bpf_map_lookup_elem(&counts, &zero);
	if (!mine)
		return 0;
	mine->accepted++;
	if (BPF_CORE_READ(sk, __sk_common.skc_incoming_cpu) ==
	    (int)bpf_get_smp_processor_id())
		mine->local++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
