/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a request's head says of its connection. */
#ifndef TESTS_LOAD_REQUEST_H
#define TESTS_LOAD_REQUEST_H

#include <stdbool.h>

/*
 * Whether the connection stays after the reply to @request, a string that begins with
 * the head: RFC 9112, section 9.3, without HTTP/1.0's keep-alive. A body is not read, so
 * that what follows a head that tells of one is not the next request: it does not stay.
 */
bool request_keeps(const char *request);

#endif
