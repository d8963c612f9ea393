/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A NIC's receive-side scaling: queues, indirection table, key, fields. */
#ifndef HELPERS_NIC_RSS_H
#define HELPERS_NIC_RSS_H

#include <stdbool.h>
#include <stdint.h>

#include "helpers/error.h"

#define RSS_TABLE_MAX 4096 /* the longest indirection table seen in the kernel: 2048 */
#define RSS_KEY_MAX   256  /* bytes; NETDEV_RSS_KEY_LEN is 52, growing to 256 in 6.x */

/* The transform of the addresses and ports before they are hashed (6.8), as a bit set. */
enum rss_transform {
	RSS_TRANSFORM_XOR = 1,    /* RXH_XFRM_SYM_XOR: src ^ dst in place of each */
	RSS_TRANSFORM_OR_XOR = 2, /* RXH_XFRM_SYM_OR_XOR (6.16): src | dst, src ^ dst */
};

enum rss_family { RSS_IPV4, RSS_IPV6, RSS_FAMILIES };

/* Which parts of a TCP packet are hashed (rx-flow-hash, ETHTOOL_GRXFH). */
struct rss_fields {
	bool known; /* the driver says */
	bool source, destination, source_port, destination_port;
};

struct rss {
	unsigned int queues; /* receive queues in use; 1 where the driver does not say */
	unsigned int queues_most;      /* that the driver can be told to use */
	unsigned int function;         /* of the hash: a set of ETH_RSS_HASH_* */
	bool toeplitz;                 /* the hash is Toeplitz's (ETH_RSS_HASH_TOP) */
	unsigned int transform;        /* enum rss_transform */
	unsigned int table_n;          /* 0: no indirection table, so no RSS to be told */
	uint32_t table[RSS_TABLE_MAX]; /* receive queue of each slot */
	unsigned int key_n;            /* bytes; 0: the driver shows none */
	unsigned char key[RSS_KEY_MAX];
	struct rss_fields fields[RSS_FAMILIES];
};

/*
 * Reads a NIC of the caller's namespace. What its driver has no answer for (a veth for
 * all of it) is left zero, and is no error. -ENODEV: there is no such NIC.
 */
int rss_read(const char *nic, struct rss *out, struct error *err);

/*
 * The same from what `ethtool -x` printed of a NIC that is not here; which fields are
 * hashed it does not tell. -EINVAL: it is none, or without key or table.
 */
int rss_parse(const char *text, struct rss *out, struct error *err);
/* From a file of that; err names it. */
int rss_read_dump(const char *path, struct rss *out, struct error *err);

/*
 * Whether both directions of a flow hash alike: by a transform, or by a Toeplitz key with
 * a period of 16 bits; and the key of Woo and Park, which has, over as many bytes as
 * there are.
 */
bool rss_is_symmetric(const struct rss *rss);
void rss_key_symmetric(struct rss *rss);

#endif
