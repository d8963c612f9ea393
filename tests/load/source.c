/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses ranges of client addresses and finds the n-th address in them. */
#include "tests/load/source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct address {
	int family;
	unsigned __int128 value;
};

static unsigned __int128 value_of(const unsigned char *bytes, size_t len)
{
	unsigned __int128 value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | bytes[i];
	return value;
}

static int address_parse(const char *text, size_t len, struct address *out)
{
	unsigned char bytes[16];
	char copy[INET6_ADDRSTRLEN];

	if (!len || len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, bytes) == 1)
		*out = (struct address){ AF_INET, value_of(bytes, 4) };
	else if (inet_pton(AF_INET6, copy, bytes) == 1)
		*out = (struct address){ AF_INET6, value_of(bytes, 16) };
	else
		return -EINVAL;
	return 0;
}

static int range_parse(const char *text, struct source_range *out, struct complaint *why)
{
	const char *dash = strchr(text, '-');
	size_t len = dash ? (size_t)(dash - text) : strlen(text);
	struct address first, last;

	if (address_parse(text, len, &first))
		return complaint_set(why, EINVAL,
				     "expected an address or FIRST-LAST such as "
				     "10.100.0.1-10.100.15.255, got '%s'",
				     text);
	last = first;
	if (dash && address_parse(dash + 1, strlen(dash + 1), &last))
		return complaint_set(why, EINVAL, "'%s' in '%s' is not an IP address",
				     dash + 1, text);
	if (first.family != last.family)
		return complaint_set(why, EINVAL,
				     "'%s' mixes IPv4 and IPv6: give two ranges", text);
	if (last.value < first.value)
		return complaint_set(why, EINVAL, "'%s' ends before it begins", text);
	if (last.value - first.value >= SOURCE_RANGE_MAX)
		return complaint_set(why, EINVAL,
				     "'%s' is over 2^32 addresses: narrow it", text);
	out->family = first.family;
	out->first = first.value;
	out->count = (uint64_t)(last.value - first.value) + 1;
	return 0;
}

int source_set_add(struct source_set *set, const char *text, struct complaint *why)
{
	struct source_range range, *grown;
	int rc = range_parse(text, &range, why);

	if (rc)
		return rc;
	grown = reallocarray(set->range, set->ranges + 1, sizeof(*grown));
	if (!grown)
		abort();
	grown[set->ranges++] = range;
	set->range = grown;
	return 0;
}

uint64_t source_set_count(const struct source_set *set, int family)
{
	uint64_t count = 0;

	for (size_t i = 0; i < set->ranges; i++)
		if (set->range[i].family == family)
			count += set->range[i].count;
	return count;
}

static void endpoint_fill(int family, unsigned __int128 value, struct endpoint *out)
{
	memset(out, 0, sizeof(*out));
	if (family == AF_INET) {
		out->in.sin_family = AF_INET;
		out->in.sin_addr.s_addr = htonl((uint32_t)value);
		out->len = sizeof(out->in);
		return;
	}
	out->in6.sin6_family = AF_INET6;
	out->len = sizeof(out->in6);
	for (int i = 15; i >= 0; i--, value >>= 8)
		out->in6.sin6_addr.s6_addr[i] = (uint8_t)value;
}

void source_set_at(const struct source_set *set, int family, uint64_t index,
		   struct endpoint *out)
{
	for (size_t i = 0; i < set->ranges; i++) {
		const struct source_range *range = &set->range[i];

		if (range->family != family)
			continue;
		if (index < range->count) {
			endpoint_fill(family, range->first + index, out);
			return;
		}
		index -= range->count;
	}
	abort();
}

void source_set_free(struct source_set *set)
{
	free(set->range);
	*set = (struct source_set){ 0 };
}
