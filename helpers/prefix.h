/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internet addresses with a prefix length, both families in one type. */
#ifndef HELPERS_PREFIX_H
#define HELPERS_PREFIX_H

#include <netinet/in.h>
#include <stdbool.h>

#include "helpers/error.h"

#define PREFIX_TEXT_SIZE (INET6_ADDRSTRLEN + 4)

/* family AF_INET or AF_INET6; AF_UNSPEC (0): not set. bytes in network order. */
struct prefix {
	int family;
	unsigned char bytes[16];
	unsigned int length; /* bits; 32 or 128 for a bare address */
};

/* "10.1.0.2/24", "fd00::1"; the length defaults to the full one. Strict: no junk. */
int prefix_parse(const char *text, struct prefix *out, struct error *err);
/* Writes "address/length" (or "address" alone) into buf; returns buf. */
const char *prefix_format(const struct prefix *p, bool with_length,
			  char buf[PREFIX_TEXT_SIZE]);
/* True where address lies inside net (same family, net's length). */
bool prefix_contains(const struct prefix *net, const struct prefix *address);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* Bytes of an address of that family: 4 or 16. */
unsigned int prefix_bytes(int family);

#endif
