/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of what is about to be put on the NICs. */
#ifndef TC_UNDO_H
#define TC_UNDO_H

#include <jansson.h>

#include "tc/ends.h"

/*
 * {"nics":[{"name", "ifindex", "qdisc": the kind that is there already or null,
 * "filters":[{"pref", "handle", "protocol", "kind"}]}]}, a NIC once. *out is the
 * caller's. -EEXIST: a filter of hapep's is there already and goes elsewhere.
 */
int undo_record(struct netlink *nl, const struct ends *e, json_t **out,
		struct error *err);

#endif
