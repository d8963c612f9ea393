/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread that keeps its share of the transactions going. */
#ifndef TESTS_LOAD_WORKER_H
#define TESTS_LOAD_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/load/complaint.h"
#include "tests/load/plan.h"
#include "tests/load/tally.h"
#include "tests/load/transaction.h"

/* What all workers of a run share. Times are nanoseconds of CLOCK_MONOTONIC. */
struct load_clock {
	uint64_t begin;
	uint64_t warm;               /* from here on it counts */
	_Atomic uint64_t end;        /* nothing is started from here on */
	_Atomic uint64_t number;     /* of the next transaction */
	_Atomic uint64_t hold_until; /* UINT64_MAX until every connection is open */
	_Atomic uint64_t opening;    /* workers that still open what is to be held */
	_Atomic uint64_t running;    /* workers not yet done */
	_Atomic bool abandon;        /* do not wait for what is under way */
	pthread_t waiter;            /* gets SIGUSR1 when a worker is done */
};

struct transaction_list {
	struct transaction *first, *last;
	size_t count;
};

enum hold_phase {
	HOLD_OPENING,
	HOLD_IDLE,
	HOLD_FETCHING,
};

struct worker {
	const struct load_plan *plan;
	struct load_clock *clock;
	uint64_t index;
	int epoll;
	pthread_t thread;
	struct transaction *slot;
	size_t slots;
	size_t begun; /* --hold: slots that were opened */
	/* Free slots; under way, oldest first; held; failed and pausing. */
	struct transaction_list idle, active, held, paused;
	enum hold_phase phase;
	bool exhausted;  /* --count is used up */
	uint64_t issued; /* --rate: how many were due and begun */
	char *buffer;
	double busy; /* CPU seconds of this thread, once it is done */
	struct tally tally;
	/* Read by others while the worker runs. */
	_Atomic uint64_t done, failed;
};

/* The @index-th worker of @plan, not yet running. -errno fills @why. */
int worker_create(const struct load_plan *plan, struct load_clock *clock, uint64_t index,
		  struct worker **out, struct complaint *why);

/* The thread's body; its argument is the worker. */
void *worker_run(void *argument);

void worker_free(struct worker *worker);

#endif
