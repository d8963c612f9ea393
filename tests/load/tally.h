/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of the transactions: counts, failures by kind, latencies. */
#ifndef TESTS_LOAD_TALLY_H
#define TESTS_LOAD_TALLY_H

#include <stdint.h>

#include "tests/load/histogram.h"

enum failure {
	FAILURE_NONE,
	FAILURE_REFUSED,     /* RST to the SYN */
	FAILURE_RESET,       /* RST later */
	FAILURE_TIMEOUT,     /* not ended within --timeout, or the kernel gave up */
	FAILURE_SHORT,       /* closed before all was there */
	FAILURE_CORRUPTED,   /* a wrong byte, or too many */
	FAILURE_MISMATCH,    /* --who: the server saw another address or port */
	FAILURE_HTTP_STATUS, /* not 200 */
	FAILURE_LOCAL,       /* this machine: no port, descriptor, memory or address */
	FAILURE_OTHER,
	FAILURE_KINDS,
};

/* "refused", "http-status", ...; a constant. */
const char *failure_name(enum failure kind);

/* The kind that an errno of a socket call belongs to. */
enum failure failure_of(int error);

/* How often a kind came, and what the first of them was. */
struct failure_count {
	uint64_t count;
	char first[256];
};

/* Starts as {0}. Times are nanoseconds of CLOCK_MONOTONIC. */
struct tally {
	uint64_t ok;                       /* ended well, in the measured window */
	uint64_t bytes, body_bytes;        /* received by those */
	uint64_t warmup_ok, warmup_failed; /* ended before the window */
	uint64_t drained_ok;               /* ended well after it; in the latencies too */
	uint64_t unfinished;               /* given up when interrupted */
	uint64_t unstarted;                /* due by --rate, never begun */
	uint64_t held;                     /* --hold: open when the idle time began */
	uint64_t last_end;                 /* when the last one ended, 0 for never */
	struct failure_count failure[FAILURE_KINDS];
	struct histogram connect, first_byte, total;
	struct histogram lag; /* --rate: actual start after the intended one */
};

/* Failures of every kind in and after the window. */
uint64_t tally_failures(const struct tally *tally);

void tally_merge(struct tally *into, const struct tally *from);

#endif
