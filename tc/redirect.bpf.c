/* SPDX-License-Identifier: GPL-2.0-only */
/* Owns a frame's way from the NIC into the namespace and back, as two tc programs. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLAN_ID_MASK 0x0fff

/*
 * Set before load, so the verifier folds them into the code. Index: 0 client, 1 server.
 * in_ifindex 0: that side is not on this NIC. vlan 0: untagged.
 */
const volatile __u32 in_vlan[2];
const volatile __u32 in_ifindex[2];
const volatile __u32 out_vlan;
const volatile __u32 out_ifindex;

/* An untagged side takes what a router lives on; LLDP, LACP, 802.1X stay the host's. */
static __always_inline bool protocol_is_routed(const struct __sk_buff *skb)
{
	return skb->protocol == bpf_htons(ETH_P_IP) ||
	       skb->protocol == bpf_htons(ETH_P_IPV6) ||
	       skb->protocol == bpf_htons(ETH_P_ARP);
}

/*
 * On the NIC's ingress. The tag is always in the skb's metadata here: the core untags
 * before tc sees a frame. VLAN id 0 is a priority tag, so its frame counts as untagged.
 * The PCP bits go with the tag, as on a router's VLAN interface; DSCP stays.
 * bpf_redirect_peer (5.10) puts the frame on the veth's inner end at once, where
 * bpf_redirect would queue it for another softirq.
 */
SEC("tc")
int hapep_nic(struct __sk_buff *skb)
{
	__u32 vlan = 0, ifindex;

	if (skb->vlan_present) {
		if (skb->vlan_proto != bpf_htons(ETH_P_8021Q))
			return TC_ACT_UNSPEC;
		vlan = skb->vlan_tci & VLAN_ID_MASK;
	}
	if (!vlan && !protocol_is_routed(skb))
		return TC_ACT_UNSPEC;
	if (in_ifindex[0] && vlan == in_vlan[0])
		ifindex = in_ifindex[0];
	else if (in_ifindex[1] && vlan == in_vlan[1])
		ifindex = in_ifindex[1];
	else
		return TC_ACT_UNSPEC;
	if (skb->vlan_present && bpf_skb_vlan_pop(skb))
		return TC_ACT_SHOT;
	/*
	 * redirect_peer makes every frame PACKET_HOST. Those that are not (flooded to a
	 * promiscuous NIC, broadcast) go in by the veth, which looks at the address.
	 */
	if (skb->pkt_type != PACKET_HOST)
		return (int)bpf_redirect(ifindex, 0);
	return (int)bpf_redirect_peer(ifindex, 0);
}

/* On a host end's ingress: whatever leaves the namespace leaves by the NIC. */
SEC("tc")
int hapep_host(struct __sk_buff *skb)
{
	if (out_vlan && bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), out_vlan))
		return TC_ACT_SHOT;
	return (int)bpf_redirect(out_ifindex, 0);
}

char _license[] SEC("license") = "GPL";
