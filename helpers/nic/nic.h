/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A NIC as it is, and what it is told so that the namespace's frames reach it. */
#ifndef HELPERS_NIC_NIC_H
#define HELPERS_NIC_NIC_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>

#include "helpers/error.h"
#include "helpers/step.h"
#include "helpers/text.h"

struct nic {
	char name[IFNAMSIZ];
	int ifindex;
	unsigned char mac[6];
	unsigned int mtu;   /* bytes */
	unsigned int flags; /* IFF_* */
	char driver[32];    /* "" where the device has none */
};

/*
 * Reads a NIC of the caller's namespace. -ENODEV names it and those that exist;
 * -EPROTONOSUPPORT: it is no Ethernet device.
 */
int nic_read(const char *name, struct nic *out, struct error *err);

/*
 * Flags: administratively up; all multicast, since the neighbour discovery of the
 * namespace's IPv6 addresses comes to multicast MACs that the NIC was never told of;
 * and promiscuous only where nic_vlan_filter says that tags would be dropped else.
 */
int nic_flags_record(const char *name, json_t **out, struct error *err);
int nic_flags_apply(const char *name, struct error *err);
int nic_flags_probe(const char *name, enum step_state *state, struct text *detail,
		    struct error *err);
void nic_flags_describe(const char *name, struct text *out);
int nic_flags_undo(const json_t *record, struct error *err);

/*
 * The feature rx-vlan-filter (ETHTOOL_GFEATURES by its string's name): a NIC drops tags
 * that nobody registered. Turned off where it can be; where it is on and fixed, the
 * NIC goes promiscuous instead (seen with virtio-net). Untagged sides need neither.
 */
int nic_vlan_record(const char *name, json_t **out, struct error *err);
int nic_vlan_apply(const char *name, struct error *err);
int nic_vlan_probe(const char *name, enum step_state *state, struct text *detail,
		   struct error *err);
void nic_vlan_describe(const char *name, struct text *out);
int nic_vlan_undo(const json_t *record, struct error *err);

#endif
