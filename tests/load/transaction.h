/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One transaction: connect, ask, read, close; as a machine driven by epoll's events. */
#ifndef TESTS_LOAD_TRANSACTION_H
#define TESTS_LOAD_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "tests/load/plan.h"
#include "tests/load/response.h"
#include "tests/load/tally.h"

/* What a transaction waits for. */
enum transaction_state {
	TRANSACTION_CONNECTING,
	TRANSACTION_HELD,
	TRANSACTION_SENDING,
	TRANSACTION_RECEIVING,
};

enum transaction_step {
	STEP_PENDING,
	STEP_HELD, /* connected, and --hold says to wait */
	STEP_OK,
	STEP_FAILED, /* failure, what and error are filled */
};

/* Times are nanoseconds of CLOCK_MONOTONIC. */
struct transaction {
	struct transaction *previous, *next; /* the worker's list that it is on */
	const struct load_target *target;
	int fd;
	enum transaction_state state;
	uint64_t intended;   /* latencies count from here */
	uint64_t deadline;   /* or, on the list of the paused, when it goes on */
	uint64_t connect;    /* how long it took */
	uint64_t first_byte; /* when it came, 0 before */
	uint64_t last_byte;
	uint64_t bytes;
	size_t sent;
	bool closed; /* the server's FIN is here */
	enum failure failure;
	const char *what; /* failed; a constant */
	int error;        /* its errno, or 0 */
	struct response response;
};

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t clock_now(void);

/*
 * Binds to an address, leaving the port to connect(): the kernel then need only find one
 * that is free for this 4-tuple, so that an address is good for 28,000 connections to
 * each server. Returns 0, or -1 with errno.
 */
int transaction_bind(int fd, const struct endpoint *source, bool freebind);

/*
 * Opens transaction number @number of the run (which says its target and source) and
 * registers it with @epoll, edge-triggered. Only state, failure and what belongs to them
 * are valid after STEP_FAILED.
 */
enum transaction_step transaction_open(struct transaction *transaction,
				       const struct load_plan *plan, int epoll,
				       uint64_t number);

/* Sends the request over a held connection: intended is now, by the caller. */
enum transaction_step transaction_fetch(struct transaction *transaction);

/* Handles @events that came at @now; @buffer is scratch. */
enum transaction_step transaction_event(struct transaction *transaction,
					const struct load_plan *plan, int epoll,
					uint32_t events, uint64_t now, char *buffer,
					size_t size);

/* Makes it a failure by timeout, saying what it waited for. */
void transaction_expire(struct transaction *transaction);

/* Says in one line, between which ends, what failed. Call before transaction_close(). */
void transaction_describe(const struct transaction *transaction, char *text, size_t size);

/* Closes; with a reset where the server's FIN is not here, so that nothing lingers. */
void transaction_close(struct transaction *transaction);

#endif
