/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client's connection at the origin: its requests read, replies sent, closed. */
#ifndef TESTS_LOAD_VISITOR_H
#define TESTS_LOAD_VISITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/load/endpoint.h"
#include "tests/load/reply.h"

/* A longer request head is refused. */
#define VISITOR_REQUEST_MAX 2560

struct visitor {
	int fd;
	bool watched; /* known to the epoll */
	bool replying;
	bool made;   /* the reply */
	bool served; /* one request at least */
	size_t received;
	size_t head; /* of what is received, the request that is replied to */
	uint64_t sent;
	struct endpoint client;
	struct reply reply;
	char request[VISITOR_REQUEST_MAX];
};

enum visitor_step {
	VISITOR_WAITS,  /* for more of the request, or for room to send */
	VISITOR_SERVED, /* all is sent; to be closed */
	VISITOR_NEXT,   /* all is sent; to go on with the next request */
	VISITOR_STAYS,  /* all is sent; to be left open until it leaves */
	VISITOR_LEFT,   /* gone before all was sent */
	VISITOR_GONE,   /* gone, between two requests */
};

/* Takes over @fd, just accepted from @client. */
void visitor_begin(struct visitor *visitor, int fd, const struct endpoint *client);

/* Goes as far as it can without waiting. */
enum visitor_step visitor_go(struct visitor *visitor, const unsigned char *pattern);

/* Closes, as the reply says. */
void visitor_end(struct visitor *visitor);

#endif
