/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP service ports: a short list of ranges. */
#ifndef HELPERS_PORTS_H
#define HELPERS_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helpers/error.h"

#define PORTS_MAX       64
#define PORTS_LAST      65534 /* a routing rule (FRA_DPORT_RANGE) takes no 65535 */
#define PORTS_TEXT_SIZE (PORTS_MAX * 12) /* "65534-65535," each */

struct port_range {
	uint16_t first, last; /* both included, host order */
};

/* Sorted, disjoint, not adjacent. n is 0 where none was given. */
struct ports {
	struct port_range range[PORTS_MAX];
	size_t n;
};

/*
 * "80", "80, 8080-8090". Strict; overlapping ranges are an error that names both, more
 * than PORTS_MAX items too. On failure *out is untouched.
 */
int ports_parse(const char *text, struct ports *out, struct error *err);
/* "80,8080-8090" into buf (PORTS_TEXT_SIZE holds any); returns buf. */
const char *ports_format(const struct ports *p, char *buf, size_t size);
bool ports_contain(const struct ports *p, uint16_t port);
/*
 * The ports of a or b that are not in without. -E2BIG: they take more than PORTS_MAX
 * ranges.
 */
int ports_combine(const struct ports *a, const struct ports *b,
		  const struct ports *without, struct ports *out, struct error *err);
/* How many single ports the ranges hold. */
unsigned int ports_count(const struct ports *p);

#endif
