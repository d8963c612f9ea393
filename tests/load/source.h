/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client addresses that connections are opened from: ranges of both families. */
#ifndef TESTS_LOAD_SOURCE_H
#define TESTS_LOAD_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "tests/load/complaint.h"
#include "tests/load/endpoint.h"

/* The most addresses in one range. */
#define SOURCE_RANGE_MAX (UINT64_C(1) << 32)

struct source_range {
	int family;
	unsigned __int128 first; /* host byte order */
	uint64_t count;
};

/* Starts as {0}; source_set_free() gives its memory back. */
struct source_set {
	struct source_range *range;
	size_t ranges;
};

/*
 * Adds "10.100.0.1-10.100.15.255", "fd00:100::1-fd00:100::fff" or a single address.
 * -EINVAL fills @why and leaves the set as it was.
 */
int source_set_add(struct source_set *set, const char *text, struct complaint *why);

/* How many addresses of AF_INET or AF_INET6 there are; an overlap counts twice. */
uint64_t source_set_count(const struct source_set *set, int family);

/* The address of @family at @index, below source_set_count(), with port 0. */
void source_set_at(const struct source_set *set, int family, uint64_t index,
		   struct endpoint *out);

void source_set_free(struct source_set *set);

#endif
