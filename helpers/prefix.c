/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading, writing and comparing addresses with a prefix length. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/prefix.h"

unsigned int prefix_bytes(int family)
{
	return family == AF_INET6 ? 16 : 4;
}

static int prefix_parse_length(const char *text, unsigned int full, unsigned int *out)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)text[0]) || strlen(text) > 3)
		return -EINVAL;
	n = strtoul(text, &end, 10);
	if (*end || n > full)
		return -EINVAL;
	*out = (unsigned int)n;
	return 0;
}

int prefix_parse(const char *text, struct prefix *out, struct error *err)
{
	char address[PREFIX_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	struct prefix p = { 0 };

	if (n >= sizeof(address))
		goto bad;
	memcpy(address, text, n);
	address[n] = '\0';
	if (inet_pton(AF_INET, address, p.bytes) == 1)
		p.family = AF_INET;
	else if (inet_pton(AF_INET6, address, p.bytes) == 1)
		p.family = AF_INET6;
	else
		goto bad;
	p.length = prefix_bytes(p.family) * 8;
	if (slash && prefix_parse_length(slash + 1, p.length, &p.length) < 0)
		goto bad;
	*out = p;
	return 0;
bad:
	return error_say(err, EINVAL, "'%.60s' is no address", text);
}

const char *prefix_format(const struct prefix *p, bool with_length,
			  char buf[PREFIX_TEXT_SIZE])
{
	size_t used;

	if (!p->family || !inet_ntop(p->family, p->bytes, buf, PREFIX_TEXT_SIZE)) {
		strcpy(buf, "none");
		return buf;
	}
	used = strlen(buf);
	if (with_length)
		snprintf(buf + used, PREFIX_TEXT_SIZE - used, "/%u", p->length);
	return buf;
}

bool prefix_contains(const struct prefix *net, const struct prefix *address)
{
	unsigned int whole = net->length / 8, rest = net->length % 8;
	unsigned int mask = 0xff & (0xff << (8 - rest));

	if (!net->family || net->family != address->family)
		return false;
	if (memcmp(net->bytes, address->bytes, whole))
		return false;
	return !rest || !((net->bytes[whole] ^ address->bytes[whole]) & mask);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	if (a->family != b->family)
		return false;
	return !a->family || (a->length == b->length &&
			      !memcmp(a->bytes, b->bytes, prefix_bytes(a->family)));
}
