/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client's connection and the one made for it to the server, and what passes between.
 */
#ifndef TESTS_BENCH_RELAY_PAIR_H
#define TESTS_BENCH_RELAY_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/load/endpoint.h"

#define RELAY_BUFFER 16384

struct relay_pair;

/* What an epoll's event points to: an end of a pair, or a listener, which has none. */
struct relay_end {
	struct relay_pair *pair;
	int fd;              /* -1: its pair has ended */
	bool ending;         /* a FIN or an error is there to be read */
	bool over;           /* its FIN has been read */
	bool shut;           /* the other's FIN has been passed on to it */
	bool room;           /* the epoll tells when it has room again */
	unsigned char *held; /* of the other, not written yet; NULL: nothing */
	size_t held_n, held_at;
};

struct relay_pair {
	struct relay_end client, server;
	bool connected;
	struct relay_pair *next; /* in the list that it waits in, ended */
};

/* A thread's own: nothing is shared between threads. */
struct relay {
	int epoll;
	struct relay_pair *ended; /* events of this batch may still point to them */
	struct relay_pair *spare;
	unsigned char buffer[RELAY_BUFFER];
};

/*
 * Takes over fd, just accepted from client, and connects on, from the client's address
 * and port, to where the client wanted to. A pair that fails ends with a RST.
 */
void relay_pair_begin(struct relay *r, int fd, const struct endpoint *client);
/* Goes as far as it can without waiting. events: an epoll's, of that end. */
void relay_pair_go(struct relay *r, struct relay_end *end, uint32_t events);
/* After a batch of events. */
void relay_pairs_sweep(struct relay *r);

#endif
