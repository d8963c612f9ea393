/* SPDX-License-Identifier: GPL-2.0-only */
/* Prints the netfilter hooks of one network namespace, from the kernel's own tables. */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "netns/hooks.h"

#define HOOKS_EACH 16 /* functions of one hook that are printed */

/* Of each kernel structure the members that are used: libbpf finds them by the BTF. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct nf_hook_entry {
	void *hook;
};

struct nf_hook_entries {
	__u16 num_hook_entries;
	struct nf_hook_entry hooks[];
};

struct netns_nf {
	struct nf_hook_entries *hooks_ipv4[5];
	struct nf_hook_entries *hooks_ipv6[5];
	struct nf_hook_entries *hooks_arp[3];
	struct nf_hook_entries *hooks_bridge[5];
};

struct list_head {
	struct list_head *next;
};

struct net_device {
	struct list_head dev_list;
	struct nf_hook_entries *nf_hooks_ingress;
	struct nf_hook_entries *nf_hooks_egress;
};

struct net {
	struct list_head dev_base_head;
	struct netns_nf nf;
};

struct sock_common {
	struct {
		struct net *net;
	} skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

struct netlink_sock {
	struct sock sk;
};

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 seq_num;
};

struct bpf_iter__netlink {
	struct bpf_iter_meta *meta;
	struct netlink_sock *sk;
};

#pragma clang attribute pop

/* The pointer that lies at that address. */
static __always_inline __u64 hooks_pointer(__u64 address)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline void hooks_entries(struct seq_file *seq, __u64 entries)
{
	__u16 n = 0;

	if (!entries)
		return;
	bpf_probe_read_kernel(
		&n, sizeof(n),
		(void *)(entries + bpf_core_field_offset(struct nf_hook_entries,
							 num_hook_entries)));
	entries += bpf_core_field_offset(struct nf_hook_entries, hooks) +
		   bpf_core_field_offset(struct nf_hook_entry, hook);
	for (__u32 i = 0; i < HOOKS_EACH && i < n; i++) {
		__u64 function = hooks_pointer(
			entries + i * bpf_core_type_size(struct nf_hook_entry));

		BPF_SEQ_PRINTF(seq, "%ps\n", function);
	}
}

/* One family's table of n hooks. */
static __always_inline void hooks_family(struct seq_file *seq, __u64 table, __u32 n)
{
	for (__u32 i = 0; i < n && i < 8; i++)
		hooks_entries(seq, hooks_pointer(table + i * sizeof(__u64)));
}

#define FAMILY(seq, net, member)                                                         \
	do {                                                                             \
		if (bpf_core_field_exists(struct netns_nf, member))                      \
			hooks_family(                                                    \
				seq,                                                     \
				(net) + bpf_core_field_offset(struct net, nf) +          \
					bpf_core_field_offset(struct netns_nf, member),  \
				bpf_core_field_size(struct netns_nf, member) /           \
					sizeof(__u64));                                  \
	} while (0)

/* False where there are more devices than are looked at. */
static __always_inline bool hooks_devices(struct seq_file *seq, __u64 net)
{
	__u64 head = net + bpf_core_field_offset(struct net, dev_base_head);
	__u64 at = hooks_pointer(head);

	for (__u32 i = 0; i < HOOKS_DEVICES; i++) {
		__u64 device = at - bpf_core_field_offset(struct net_device, dev_list);

		if (at == head || !at)
			return true;
		if (bpf_core_field_exists(struct net_device, nf_hooks_ingress))
			hooks_entries(seq,
				      hooks_pointer(device + bpf_core_field_offset(
								     struct net_device,
								     nf_hooks_ingress)));
		if (bpf_core_field_exists(struct net_device, nf_hooks_egress))
			hooks_entries(seq,
				      hooks_pointer(device + bpf_core_field_offset(
								     struct net_device,
								     nf_hooks_egress)));
		at = hooks_pointer(at);
	}
	return false;
}

/* Called for each netlink socket of the namespace; the kernel itself has one in each. */
SEC("iter/netlink")
int netns_hooks_walk(struct bpf_iter__netlink *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct netlink_sock *sk = ctx->sk;
	__u64 net;

	if (!sk || ctx->meta->seq_num)
		return 0;
	net = (__u64)sk->sk.__sk_common.skc_net.net;
	FAMILY(seq, net, hooks_ipv4);
	FAMILY(seq, net, hooks_ipv6);
	FAMILY(seq, net, hooks_arp);
	FAMILY(seq, net, hooks_bridge);
	if (hooks_devices(seq, net))
		BPF_SEQ_PRINTF(seq, HOOKS_END "\n");
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
