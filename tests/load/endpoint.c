/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads, prints and compares endpoints. */
#include "tests/load/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int port_read(const char *text, size_t len, in_port_t *out)
{
	unsigned int port = 0;

	if (!len || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		port = port * 10 + (unsigned int)(text[i] - '0');
	}
	if (!port || port > 65535)
		return -EINVAL;
	*out = htons((in_port_t)port);
	return 0;
}

static int address_read(const char *address, in_port_t port, struct endpoint *out)
{
	struct endpoint made = { 0 };

	if (inet_pton(AF_INET, address, &made.in.sin_addr) == 1) {
		made.in.sin_family = AF_INET;
		made.in.sin_port = port;
		made.len = sizeof(made.in);
	} else if (inet_pton(AF_INET6, address, &made.in6.sin6_addr) == 1) {
		made.in6.sin6_family = AF_INET6;
		made.in6.sin6_port = port;
		made.len = sizeof(made.in6);
	} else {
		return -EINVAL;
	}
	*out = made;
	return 0;
}

static void unmap(struct endpoint *endpoint)
{
	struct endpoint made = { 0 };

	if (endpoint->any.sa_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&endpoint->in6.sin6_addr))
		return;
	made.in.sin_family = AF_INET;
	made.in.sin_port = endpoint->in6.sin6_port;
	memcpy(&made.in.sin_addr, &endpoint->in6.sin6_addr.s6_addr[12], 4);
	made.len = sizeof(made.in);
	*endpoint = made;
}

int endpoint_read(const char *text, size_t len, struct endpoint *out)
{
	const char *colon = memrchr(text, ':', len);
	char address[INET6_ADDRSTRLEN];
	struct endpoint made;
	in_port_t port;
	size_t size;

	if (!colon || port_read(colon + 1, len - (size_t)(colon + 1 - text), &port))
		return -EINVAL;
	size = (size_t)(colon - text);
	if (size > 2 && text[0] == '[' && text[size - 1] == ']') {
		text++;
		size -= 2;
	}
	if (size >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, size);
	address[size] = '\0';
	if (address_read(address, port, &made))
		return -EINVAL;
	unmap(&made);
	*out = made;
	return 0;
}

int endpoint_parse(const char *text, struct endpoint *out, struct complaint *why)
{
	struct endpoint made;

	if (endpoint_read(text, strlen(text), &made) ||
	    (text[0] == '[') != (made.any.sa_family == AF_INET6))
		return complaint_set(why, EINVAL,
				     "expected ADDRESS:PORT such as 10.0.0.1:80 or "
				     "[fd00::1]:80, got '%s'",
				     text);
	*out = made;
	return 0;
}

void endpoint_print(const struct endpoint *endpoint, char text[ENDPOINT_TEXT])
{
	char address[INET6_ADDRSTRLEN];

	if (endpoint->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &endpoint->in6.sin6_addr, address, sizeof(address));
		snprintf(text, ENDPOINT_TEXT, "[%s]:%u", address,
			 ntohs(endpoint->in6.sin6_port));
	} else {
		inet_ntop(AF_INET, &endpoint->in.sin_addr, address, sizeof(address));
		snprintf(text, ENDPOINT_TEXT, "%s:%u", address,
			 ntohs(endpoint->in.sin_port));
	}
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return a->in6.sin6_port == b->in6.sin6_port &&
	       IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
}
