/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two programs of tc/reset.bpf.c: one notes a RST, the other acts by that note. */
#ifndef TC_RESET_H
#define TC_RESET_H

#include "tc/ends.h"

/*
 * Appends the side's filter, 0 the client's, 1 the server's, on its inner end. answered:
 * the ports of servers whose RST is HAProxy's to answer, as in HTTP.
 */
void reset_add(int side, const char *dev, int ifindex, const struct ports *answered,
	       struct ends *out);

/*
 * Once both filters are in place: lets the client side's use the server side's map. No
 * change where it does already, or where e has no such filters.
 */
int reset_join(struct netlink *nl, const struct ends *e, struct error *err);

/* Turns PRESENT into DIFFERS, with a line of detail, where the two share no map. */
int reset_probe(struct netlink *nl, const struct ends *e, enum step_state *state,
		struct text *detail, struct error *err);

#endif
