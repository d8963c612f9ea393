/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the record of what is put on the NICs, and taking it out by the record alone. */
#include <errno.h>
#include <netlink/errno.h>
#include <netlink/route/link.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "tc/numbers.h"
#include "tc/qdisc.h"
#include "tc/tc.h"
#include "tc/undo.h"

/* A filter with our numbers, before we put any: another blade's, or a lost one's. */
static int undo_check_free(struct netlink *nl, const struct filter *f, struct error *err)
{
	_cleanup_text_ struct text detail = { 0 };
	struct seen found;
	int r = filter_find(nl, f, &found, err);

	if (r < 0 || !found.handle || !filter_differs(f, &found, &detail))
		return r;
	detail.text[strcspn(detail.text, "\n")] = '\0';
	return error_say(
		err, EEXIST,
		"another blade has these frames (%s); if there is none, delete the "
		"filter: tc filter del dev %s ingress pref %u handle 0x%x %s",
		detail.text, f->dev, f->pref, f->handle, filter_kind_name(f->kind));
}

static json_t *undo_filters(const struct ends *e, int ifindex)
{
	json_t *filters = json_array();

	for (size_t i = 0; i < e->n; i++) {
		const struct filter *f = &e->filter[i];

		if (f->ifindex == ifindex)
			json_array_append_new(filters,
					      json_pack("{s:i, s:I, s:i, s:s, s:b}",
							"pref", (int)f->pref, "handle",
							(json_int_t)f->handle, "protocol",
							(int)f->protocol, "kind",
							filter_kind_name(f->kind),
							"egress", f->egress));
	}
	return filters;
}

static bool undo_recorded(const json_t *nics, int ifindex)
{
	const json_t *nic;
	size_t i;

	json_array_foreach(nics, i, nic)
	{
		if (json_integer_value(json_object_get(nic, "ifindex")) == ifindex)
			return true;
	}
	return false;
}

int undo_record(struct netlink *nl, const struct ends *e, json_t **out, struct error *err)
{
	json_t *nics = json_array();
	int r = 0;

	for (size_t i = 0; i < e->n && !r; i++) {
		const struct filter *f = &e->filter[i];
		char kind[QDISC_KIND_SIZE] = "";

		r = undo_check_free(nl, f, err);
		if (r < 0 || undo_recorded(nics, f->ifindex))
			continue;
		r = qdisc_find(nl, f->ifindex, kind, err);
		json_array_append_new(nics,
				      json_pack("{s:s, s:i, s:s?, s:o}", "name", f->dev,
						"ifindex", f->ifindex, "qdisc",
						kind[0] ? kind : NULL, "filters",
						undo_filters(e, f->ifindex)));
	}
	if (r < 0) {
		json_decref(nics);
		return r;
	}
	*out = json_pack("{s:o}", "nics", nics);
	if (!*out)
		abort();
	return 0;
}

/* What the record says of one filter, in the form that the kernel lists filters. */
static int undo_read_filter(const json_t *record, struct seen *s, struct error *err)
{
	json_int_t handle = 0;
	int pref = 0, protocol = 0, egress = 0;
	const char *kind = "";

	/* json_unpack only reads, but its signature predates const. */
	if (json_unpack((json_t *)(uintptr_t)record, "{s:i, s:I, s:i, s:s, s?b}", "pref",
			&pref, "handle", &handle, "protocol", &protocol, "kind", &kind,
			"egress", &egress) < 0)
		return error_say(err, EBADMSG,
				 "the journal's record of a tc filter is damaged");
	s->pref = (unsigned int)pref;
	s->protocol = (unsigned int)protocol;
	s->egress = egress;
	s->handle = (uint32_t)handle;
	strncpy(s->kind, kind, sizeof(s->kind) - 1);
	return 0;
}

static bool undo_listed(const struct seen_list *list, const struct seen *s)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct seen *have = &list->seen[i];

		if (have->chain == 0 && have->egress == s->egress &&
		    have->pref == s->pref && have->handle == s->handle &&
		    have->protocol == s->protocol && !strcmp(have->kind, s->kind))
			return true;
	}
	return false;
}

/* A residence probe's, whose process and guard were both killed: it would keep the qdisc.
 */
static int undo_probe_of(struct netlink *nl, const char *dev,
			 const struct seen_list *list, struct error *err)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct seen *s = &list->seen[i];
		int r = 0;

		if (s->pref == NUMBERS_PREF_RESIDENCE && s->handle == NUMBERS_HANDLE &&
		    !strcmp(s->kind, "bpf"))
			r = filter_delete(nl, dev, s, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int undo_filters_of(struct netlink *nl, const char *dev, int ifindex,
			   const json_t *filters, struct error *err)
{
	_cleanup_seen_ struct seen_list in = { 0 }, out = { 0 };
	const json_t *record;
	size_t i;
	int r = seen_read(nl, ifindex, false, &in, err);

	if (!r)
		r = seen_read(nl, ifindex, true, &out, err);
	if (!r)
		r = undo_probe_of(nl, dev, &in, err);
	if (!r)
		r = undo_probe_of(nl, dev, &out, err);
	if (r < 0)
		return r;
	json_array_foreach(filters, i, record)
	{
		struct seen s = { .ifindex = ifindex };

		r = undo_read_filter(record, &s, err);
		if (!r && undo_listed(s.egress ? &out : &in, &s))
			r = filter_delete(nl, dev, &s, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int undo_nic(struct netlink *nl, const json_t *record, struct error *err)
{
	int ifindex = (int)json_integer_value(json_object_get(record, "ifindex"));
	struct rtnl_link *link = NULL;
	char dev[IFNAMSIZ];
	int r = rtnl_link_get_kernel(netlink_sock(nl), ifindex, NULL, &link);

	if (r == -NLE_NODEV || r == -NLE_OBJ_NOTFOUND)
		return 0;
	if (r < 0)
		return netlink_result(nl, r, err, "look up interface %d", ifindex);
	/* Its name may be another than the record's: the index is what stays. */
	strncpy(dev, rtnl_link_get_name(link), sizeof(dev) - 1);
	dev[sizeof(dev) - 1] = '\0';
	rtnl_link_put(link);
	r = undo_filters_of(nl, dev, ifindex, json_object_get(record, "filters"), err);
	if (r < 0 || json_is_string(json_object_get(record, "qdisc")))
		return r;
	return qdisc_delete_empty(nl, dev, ifindex, err);
}

/* A socket where the record's devices are. *out stays NULL where the namespace is gone.
 */
static int undo_open(const json_t *record, struct netlink **out, struct error *err)
{
	const char *name = json_string_value(json_object_get(record, "netns"));
	_cleanup_close_ int netns = -1;

	if (!name)
		return netlink_open(-1, out, err);
	netns = namespace_open(name, err);
	if (netns == -ENOENT || netns == -ESTALE)
		return 0;
	return netns < 0 ? netns : netlink_open(netns, out, err);
}

int tc_undo(const json_t *record, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	const json_t *nic;
	size_t i;
	int first = 0;
	int r = undo_open(record, &nl, err);

	if (r < 0 || !nl)
		return r;
	json_array_foreach(json_object_get(record, "nics"), i, nic)
	{
		r = undo_nic(nl, nic, err);
		first = first ? first : r;
	}
	return first;
}
