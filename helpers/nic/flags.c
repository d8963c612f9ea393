/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a NIC's flags: up, all multicast and, where it must be, promiscuous. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/netlink.h"
#include "helpers/nic/feature.h"
#include "helpers/nic/nic.h"

static const struct flag {
	const char *name;
	const char *words; /* of ip link */
	unsigned int bit;
} flags_all[] = {
	{ "up", "up", IFF_UP },
	{ "allmulti", "allmulticast on", IFF_ALLMULTI },
	{ "promisc", "promisc on", IFF_PROMISC },
};

#define FLAGS_N (sizeof(flags_all) / sizeof(flags_all[0]))

/* The bits that the NIC must have. A filter that can be turned off is nic_vlan's. */
static int flags_wanted(const char *name, unsigned int *wanted, struct error *err)
{
	struct feature filter;
	int r = feature_read(name, "rx-vlan-filter", &filter, err);

	*wanted = IFF_UP | IFF_ALLMULTI;
	if (!r && filter.active && !filter.changeable)
		*wanted |= IFF_PROMISC;
	return r;
}

/* The bits that the NIC lacks, of those it must have. */
static int flags_lacking(const char *name, struct nic *nic, unsigned int *lacking,
			 struct error *err)
{
	unsigned int wanted = 0;
	int r = nic_read(name, nic, err);

	if (!r)
		r = flags_wanted(name, &wanted, err);
	*lacking = wanted & ~nic->flags;
	return r;
}

/* Sets the bits of `change` to those of `value`; the others stay whatever they are. */
static int flags_set(struct netlink *nl, const char *name, int ifindex,
		     unsigned int value, unsigned int change, struct error *err)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC,
				  .ifi_index = ifindex,
				  .ifi_flags = value,
				  .ifi_change = change };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);

	if (!msg || nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0)
		abort();
	return netlink_send(nl, msg, err, "set the flags of '%s'", name);
}

int nic_flags_record(const char *name, json_t **out, struct error *err)
{
	unsigned int lacking = 0;
	struct nic nic = { 0 };
	json_t *prior;
	int r = flags_lacking(name, &nic, &lacking, err);

	if (r < 0)
		return r;
	prior = json_object();
	for (size_t i = 0; i < FLAGS_N; i++) {
		if (lacking & flags_all[i].bit)
			json_object_set_new(prior, flags_all[i].name, json_false());
	}
	*out = json_pack("{s:s, s:i, s:o}", "name", name, "ifindex", nic.ifindex, "prior",
			 prior);
	return 0;
}

int nic_flags_apply(const char *name, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	unsigned int lacking = 0;
	struct nic nic = { 0 };
	int r = flags_lacking(name, &nic, &lacking, err);

	if (r < 0 || !lacking)
		return r;
	r = netlink_open(-1, &nl, err);
	return r < 0 ? r : flags_set(nl, name, nic.ifindex, lacking, lacking, err);
}

int nic_flags_probe(const char *name, enum step_state *state, struct text *detail,
		    struct error *err)
{
	unsigned int lacking = 0;
	struct nic nic = { 0 };
	int r = flags_lacking(name, &nic, &lacking, err);

	*state = STEP_ABSENT;
	if (r == -ENODEV) {
		text_line(detail, "%s", err->msg);
		return 0;
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < FLAGS_N; i++) {
		if (lacking & flags_all[i].bit)
			text_line(detail, "'%s' is not %s", name, flags_all[i].name);
	}
	*state = !lacking                                     ? STEP_PRESENT
		 : lacking & IFF_UP && lacking & IFF_ALLMULTI ? STEP_ABSENT
							      : STEP_DIFFERS;
	return 0;
}

void nic_flags_describe(const char *name, struct text *out)
{
	struct error ignored = { 0 };
	unsigned int wanted = IFF_UP | IFF_ALLMULTI;

	flags_wanted(name, &wanted, &ignored);
	text_add(out, "ip link set dev %s", name);
	for (size_t i = 0; i < FLAGS_N; i++) {
		if (wanted & flags_all[i].bit)
			text_add(out, " %s", flags_all[i].words);
	}
	text_line(out, "%s", "");
}

int nic_flags_undo(const json_t *record, struct error *err)
{
	const json_t *prior = json_object_get(record, "prior");
	const char *name = json_string_value(json_object_get(record, "name"));
	int ifindex = (int)json_integer_value(json_object_get(record, "ifindex"));
	_cleanup_netlink_ struct netlink *nl = NULL;
	unsigned int clear = 0;
	int r;

	if (!name || ifindex <= 0)
		return error_say(err, EBADMSG,
				 "the journal's record of a NIC's flags is "
				 "damaged");
	for (size_t i = 0; i < FLAGS_N; i++) {
		if (json_is_false(json_object_get(prior, flags_all[i].name)))
			clear |= flags_all[i].bit;
	}
	if (!clear)
		return 0;
	r = netlink_open(-1, &nl, err);
	if (!r)
		r = flags_set(nl, name, ifindex, 0, clear, err);
	return r == -ENODEV ? 0 : r;
}
