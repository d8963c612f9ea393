/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the origin answers to a request: an object, who asked, or a fault on purpose. */
#ifndef TESTS_LOAD_REPLY_H
#define TESTS_LOAD_REPLY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "tests/load/endpoint.h"
#include "tests/load/object.h"

#define REPLY_NO_BYTE UINT64_MAX

enum reply_end {
	REPLY_CLOSE,
	REPLY_RESET, /* close with RST */
	REPLY_OPEN,  /* never close */
	REPLY_KEEP,  /* for the visitor's next request */
};

struct reply {
	char head[384];
	size_t head_len;
	uint64_t size;  /* bytes of the object that follow the head */
	uint64_t wrong; /* the byte of it to send wrong, or REPLY_NO_BYTE */
	enum reply_end end;
	const unsigned char *pattern; /* borrowed; OBJECT_PERIOD bytes */
	unsigned char wrong_byte;
};

/*
 * Answers the request that @request, a string, begins with:
 *   /SIZE, /size/SIZE   an object; SIZE as object_size_parse() reads it
 *   /who                "CLIENT_ADDR:PORT SERVER_ADDR:PORT\n"
 *   /fault/KIND         one of reply_faults()
 * where @fd is the connection from @client. Anything else is answered with 400 or 404.
 * A connection is kept where request_keeps() says so, but for faults and 400.
 * Sent whole, head and object are head_len + size bytes.
 */
void reply_make(struct reply *reply, const char *request, const struct endpoint *client,
		int fd, const unsigned char *pattern);

/* Lines of help on the kinds of faults; a constant. */
const char *reply_faults(void);

/* Room for reply_pieces(). */
#define REPLY_PIECES 3

/*
 * The next bytes to send once @sent were, as pieces of the head, the object or both;
 * returns their number, 0 when nothing is left.
 */
size_t reply_pieces(const struct reply *reply, uint64_t sent,
		    struct iovec piece[REPLY_PIECES]);

#endif
