/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what a NIC's RSS makes of a flow. */
#include "helpers/nic/flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/nic/toeplitz.h"

#define INPUT_MAX 36 /* bytes: two IPv6 addresses, two ports */

static int flow_port(const char *text, uint16_t *out)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || port < 1 || port > 65535)
		return -EINVAL;
	*out = (uint16_t)port;
	return 0;
}

/* The address without its brackets, which IPv6 alone has, and a length none. */
static int flow_address(const char *text, size_t n, struct prefix *out)
{
	bool bracket = n > 1 && text[0] == '[' && text[n - 1] == ']';
	char address[PREFIX_TEXT_SIZE];
	struct error ignored = { 0 };

	if (bracket) {
		text++;
		n -= 2;
	}
	if (n >= sizeof(address) || memchr(text, '/', n))
		return -EINVAL;
	memcpy(address, text, n);
	address[n] = '\0';
	if (prefix_parse(address, out, &ignored) < 0)
		return -EINVAL;
	return (out->family == AF_INET6) == bracket ? 0 : -EINVAL;
}

int flow_end_parse(const char *text, struct flow_end *out, struct error *err)
{
	const char *colon = strrchr(text, ':');

	if (colon && !flow_port(colon + 1, &out->port) &&
	    !flow_address(text, (size_t)(colon - text), &out->address))
		return 0;
	return error_say(err, EINVAL,
			 "expected ADDRESS:PORT as in 10.0.0.1:80 or [fd00::1]:80, got "
			 "'%.80s'",
			 text);
}

const char *flow_end_format(const struct flow_end *end, char buf[FLOW_END_SIZE])
{
	char address[PREFIX_TEXT_SIZE];

	snprintf(buf, FLOW_END_SIZE,
		 end->address.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		 prefix_format(&end->address, false, address), end->port);
	return buf;
}

struct flow flow_reverse(const struct flow *f)
{
	return (struct flow){ .source = f->destination, .destination = f->source };
}

/*
 * The transforms of the kernel's scaling.rst: (s ^ d, s ^ d) for symmetric-xor,
 * (s | d, s ^ d) for symmetric-or-xor, of addresses and of ports.
 */
static void transform(unsigned int kind, unsigned char *source,
		      unsigned char *destination, size_t n)
{
	for (size_t i = 0; i < n && kind; i++) {
		unsigned char either = source[i] | destination[i];
		unsigned char differs = source[i] ^ destination[i];

		source[i] = kind & RSS_TRANSFORM_XOR ? differs : either;
		destination[i] = differs;
	}
}

static size_t input_add(unsigned char *input, size_t at, const unsigned char *part,
			size_t n, bool wanted)
{
	if (wanted)
		memcpy(input + at, part, n);
	return wanted ? at + n : at;
}

bool flow_hash(const struct flow *f, const struct rss *rss, uint32_t *out)
{
	const struct rss_fields all = { true, true, true, true, true };
	bool six = f->source.address.family == AF_INET6;
	const struct rss_fields *told = &rss->fields[six ? RSS_IPV6 : RSS_IPV4];
	const struct rss_fields *use = told->known ? told : &all;
	size_t n = prefix_bytes(f->source.address.family), length = 0;
	unsigned char source[16], destination[16], input[INPUT_MAX];
	unsigned char source_port[2] = { f->source.port >> 8, f->source.port & 0xff };
	unsigned char destination_port[2] = { f->destination.port >> 8,
					      f->destination.port & 0xff };

	memcpy(source, f->source.address.bytes, n);
	memcpy(destination, f->destination.address.bytes, n);
	transform(rss->transform, source, destination, n);
	transform(rss->transform, source_port, destination_port, 2);
	length = input_add(input, length, source, n, use->source);
	length = input_add(input, length, destination, n, use->destination);
	length = input_add(input, length, source_port, 2, use->source_port);
	length = input_add(input, length, destination_port, 2, use->destination_port);
	if (!length || !rss->toeplitz || !rss->key_n)
		return false;
	*out = toeplitz_hash(rss->key, rss->key_n, input, length);
	return true;
}

int flow_queue(const struct flow *f, const struct rss *rss)
{
	uint32_t hash;

	if (rss->queues == 1)
		return 0;
	if (!rss->table_n || !flow_hash(f, rss, &hash))
		return -1;
	return (int)rss->table[hash % rss->table_n];
}
