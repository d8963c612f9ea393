/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads an HTTP answer as its bytes come, and judges it. */
#ifndef TESTS_LOAD_RESPONSE_H
#define TESTS_LOAD_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/load/tally.h"

#define RESPONSE_ANY_SIZE UINT64_MAX

/* What the body must be. */
struct expectation {
	uint64_t size;     /* bytes, or RESPONSE_ANY_SIZE */
	const char *bytes; /* size of them, or NULL where any will do */
};

enum response_state {
	RESPONSE_STATUS,
	RESPONSE_FIELDS,
	RESPONSE_BODY,
};

/* Starts as {0}. */
struct response {
	enum response_state state;
	enum failure verdict; /* FAILURE_NONE, or the first thing found wrong */
	const char *reason;   /* of the verdict; a constant */
	int status;           /* 200 and the like, once known */
	bool has_length;
	uint64_t length;   /* Content-Length */
	uint64_t received; /* bytes of body */
	unsigned int kept;
	char text[192]; /* an unfinished line of the head; then the body's beginning */
};

/*
 * Takes the next @len bytes. A wrong answer is noted and read on, so that the connection
 * ends as it would have ended.
 */
void response_feed(struct response *response, const struct expectation *expectation,
		   const char *data, size_t len);

/* True once all that Content-Length promised is there; never true without one. */
bool response_complete(const struct response *response);

/* The server has closed: what is missing is missing for good. Returns the verdict. */
enum failure response_end(struct response *response,
			  const struct expectation *expectation);

#endif
