/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An address and port of either family, as text and as the kernel takes it. */
#ifndef TESTS_LOAD_ENDPOINT_H
#define TESTS_LOAD_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "tests/load/complaint.h"

/* Room for "[v6]:port" and its NUL. */
#define ENDPOINT_TEXT 56

struct endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};

/* Reads "10.0.0.1:80" or "[fd00::1]:80", the port in 1..65535. -EINVAL fills @why. */
int endpoint_parse(const char *text, struct endpoint *out, struct complaint *why);

/*
 * Reads what a server writes of a peer: as above, or an IPv6 address without its
 * brackets (nginx's "$remote_addr:$remote_port"), or a v4-mapped one, which is taken as
 * the IPv4 address that it is. @len bytes of @text, no NUL needed. 0 or -EINVAL.
 */
int endpoint_read(const char *text, size_t len, struct endpoint *out);

/* Writes "10.0.0.1:80" or "[fd00::1]:80" into ENDPOINT_TEXT bytes. */
void endpoint_print(const struct endpoint *endpoint, char text[ENDPOINT_TEXT]);

/* Same family, address and port. */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

#endif
