/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCP flow, and the receive queue that a NIC's RSS gives each direction of it. */
#ifndef HELPERS_NIC_FLOW_H
#define HELPERS_NIC_FLOW_H

#include "helpers/nic/rss.h"
#include "helpers/prefix.h"

#define FLOW_END_SIZE (PREFIX_TEXT_SIZE + 8)

/* One end: "10.0.0.1:80" or "[fd00::1]:80". */
struct flow_end {
	struct prefix address;
	uint16_t port;
};

struct flow {
	struct flow_end source, destination; /* of one family */
};

int flow_end_parse(const char *text, struct flow_end *out, struct error *err);
/* Returns buf. */
const char *flow_end_format(const struct flow_end *end, char buf[FLOW_END_SIZE]);
/* The other direction. */
struct flow flow_reverse(const struct flow *f);

/*
 * The hash that the NIC computes of a packet of the flow; fields that its driver does
 * not tell of are taken to be all four. False where nobody can tell: the driver shows
 * no key, hashes by something else than Toeplitz, or hashes no field of TCP.
 */
bool flow_hash(const struct flow *f, const struct rss *rss, uint32_t *out);

/* The receive queue of a packet of the flow; -1 where nobody can tell. */
int flow_queue(const struct flow *f, const struct rss *rss);

#endif
