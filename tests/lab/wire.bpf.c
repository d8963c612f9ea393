/* SPDX-License-Identifier: GPL-2.0-only */
/* The access network's switch: frames of the routers get their VLAN's tag on the way to
 * the blade, frames of the blade lose it on the way to the router that it names.
 *
 * Ports are known by the interface indexes that `lab` gives them. A router's port has its
 * VLAN for an index, so that a tag is also where to go. Tags stay in the skb's metadata
 * both ways, as a NIC with VLAN offload hands them over.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define UNTAGGED 0

enum port {
	PORT_NIC0 = 10,
	PORT_NIC1 = 11,
	PORT_CLIENT = 100,
	PORT_SERVER = 200,
};

/* A router's port is an access port: what comes tagged from there is not for us. */
static __always_inline int from_router(struct __sk_buff *skb, int vlan, enum port nic)
{
	if (skb->vlan_present)
		return TC_ACT_SHOT;
	if (vlan != UNTAGGED && bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), vlan))
		return TC_ACT_SHOT;
	return bpf_redirect(nic, 0);
}

/* A NIC's port is a trunk of the VLANs a and b (which may be the same). */
static __always_inline int from_nic(struct __sk_buff *skb, int a, int b)
{
	int vlan = skb->vlan_tci & 0xfff;

	if (!skb->vlan_present || (vlan != a && vlan != b))
		return TC_ACT_SHOT;
	if (bpf_skb_vlan_pop(skb))
		return TC_ACT_SHOT;
	return bpf_redirect(vlan, 0);
}

static __always_inline int from_untagged_nic(struct __sk_buff *skb, enum port router)
{
	return skb->vlan_present ? TC_ACT_SHOT : bpf_redirect(router, 0);
}

SEC("tc/client")
int client(struct __sk_buff *skb)
{
	return from_router(skb, PORT_CLIENT, PORT_NIC0);
}

SEC("tc/server")
int server(struct __sk_buff *skb)
{
	return from_router(skb, PORT_SERVER, PORT_NIC0);
}

SEC("tc/nic0")
int nic0(struct __sk_buff *skb)
{
	return from_nic(skb, PORT_CLIENT, PORT_SERVER);
}

SEC("tc/two_nics_server")
int two_nics_server(struct __sk_buff *skb)
{
	return from_router(skb, PORT_SERVER, PORT_NIC1);
}

SEC("tc/two_nics_nic0")
int two_nics_nic0(struct __sk_buff *skb)
{
	return from_nic(skb, PORT_CLIENT, PORT_CLIENT);
}

SEC("tc/two_nics_nic1")
int two_nics_nic1(struct __sk_buff *skb)
{
	return from_nic(skb, PORT_SERVER, PORT_SERVER);
}

SEC("tc/untagged_client")
int untagged_client(struct __sk_buff *skb)
{
	return from_router(skb, UNTAGGED, PORT_NIC0);
}

SEC("tc/untagged_server")
int untagged_server(struct __sk_buff *skb)
{
	return from_router(skb, UNTAGGED, PORT_NIC1);
}

SEC("tc/untagged_nic0")
int untagged_nic0(struct __sk_buff *skb)
{
	return from_untagged_nic(skb, PORT_CLIENT);
}

SEC("tc/untagged_nic1")
int untagged_nic1(struct __sk_buff *skb)
{
	return from_untagged_nic(skb, PORT_SERVER);
}

char _license[] SEC("license") = "GPL";
