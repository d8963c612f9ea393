/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the VLAN filter of a NIC, which drops tags that nobody registered. */
#include <errno.h>

#include "helpers/nic/feature.h"
#include "helpers/nic/nic.h"

#define VLAN_FILTER "rx-vlan-filter"

int nic_vlan_record(const char *name, json_t **out, struct error *err)
{
	struct feature filter;
	struct nic nic;
	int r = nic_read(name, &nic, err);

	if (!r)
		r = feature_read(name, VLAN_FILTER, &filter, err);
	if (r < 0)
		return r;
	*out = json_pack("{s:s, s:i, s:b}", "name", name, "ifindex", nic.ifindex,
			 "turned_off", filter.active && filter.changeable);
	return 0;
}

int nic_vlan_apply(const char *name, struct error *err)
{
	struct feature filter;
	int r = feature_read(name, VLAN_FILTER, &filter, err);

	if (r < 0 || !filter.active || !filter.changeable)
		return r;
	r = feature_set(name, VLAN_FILTER, false, err);
	return r < 0 ? error_wrap(err,
				  "tags that the NIC was not told of would be dropped")
		     : 0;
}

int nic_vlan_probe(const char *name, enum step_state *state, struct text *detail,
		   struct error *err)
{
	struct feature filter;
	int r = feature_read(name, VLAN_FILTER, &filter, err);

	*state = STEP_ABSENT;
	if (r == -ENODEV) {
		text_line(detail, "there is no interface '%s'", name);
		return 0;
	}
	if (r < 0)
		return r;
	if (filter.active && filter.changeable)
		text_line(detail, VLAN_FILTER " of '%s' is on", name);
	else
		*state = STEP_PRESENT;
	return 0;
}

void nic_vlan_describe(const char *name, struct text *out)
{
	struct error ignored = { 0 };
	struct feature filter;

	if (feature_read(name, VLAN_FILTER, &filter, &ignored) < 0 || filter.changeable)
		text_line(out, "ethtool -K %s " VLAN_FILTER " off", name);
	else if (filter.active)
		text_line(out,
			  "# " VLAN_FILTER " of %s is on and fixed: promiscuous instead",
			  name);
	else
		text_line(out, "# " VLAN_FILTER " of %s is off anyway", name);
}

int nic_vlan_undo(const json_t *record, struct error *err)
{
	int ifindex = (int)json_integer_value(json_object_get(record, "ifindex"));
	char name[IFNAMSIZ];

	if (!json_is_true(json_object_get(record, "turned_off")))
		return 0;
	if (!if_indextoname((unsigned int)ifindex, name)) /* gone; or by its new name */
		return 0;
	return feature_set(name, VLAN_FILTER, true, err);
}
