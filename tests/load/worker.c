/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event loop of a worker: when to begin, what to wait for, how to account. */
#include "tests/load/worker.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND UINT64_C(1000000)
#define BUFFER_SIZE 65536
#define BATCH       64
/*
 * Begun at a time by --rate. When this thread is behind, those under way go on first: a
 * transaction takes some three events, so that as many begun as events handled would pile
 * thousands of connections up, each of which then costs more than at the usual number.
 */
#define BATCH_RATE (BATCH / 4)

/* A slot whose transaction failed rests, lest a dead server be hammered. */
#define PAUSE (10 * MILLISECOND)
/* At least so often a worker looks whether it is to stop, */
#define LOOK (100 * MILLISECOND)
/* and whether the others have opened theirs. */
#define LOOK_HOLD (5 * MILLISECOND)

static void list_append(struct transaction_list *list, struct transaction *transaction)
{
	transaction->previous = list->last;
	transaction->next = NULL;
	if (list->last)
		list->last->next = transaction;
	else
		list->first = transaction;
	list->last = transaction;
	list->count++;
}

static void list_remove(struct transaction_list *list, struct transaction *transaction)
{
	if (transaction->previous)
		transaction->previous->next = transaction->next;
	else
		list->first = transaction->next;
	if (transaction->next)
		transaction->next->previous = transaction->previous;
	else
		list->last = transaction->previous;
	list->count--;
}

static void failure_account(struct worker *worker, const struct transaction *transaction,
			    uint64_t now)
{
	struct failure_count *failure;

	if (now < worker->clock->warm) {
		worker->tally.warmup_failed++;
		return;
	}
	failure = &worker->tally.failure[transaction->failure];
	if (!failure->count++)
		transaction_describe(transaction, failure->first, sizeof(failure->first));
	atomic_fetch_add_explicit(&worker->failed, 1, memory_order_relaxed);
}

static void success_account(struct worker *worker, const struct transaction *transaction,
			    uint64_t now)
{
	struct tally *tally = &worker->tally;

	if (now < worker->clock->warm) {
		tally->warmup_ok++;
		return;
	}
	if (now <= atomic_load_explicit(&worker->clock->end, memory_order_relaxed)) {
		tally->ok++;
		tally->bytes += transaction->bytes;
		tally->body_bytes += transaction->response.received;
	} else {
		tally->drained_ok++;
	}
	histogram_record(&tally->connect, transaction->connect);
	histogram_record(&tally->first_byte,
			 transaction->first_byte - transaction->intended);
	histogram_record(&tally->total, transaction->last_byte - transaction->intended);
	atomic_store_explicit(&worker->done, tally->ok + tally->drained_ok,
			      memory_order_relaxed);
}

/* Accounts for and closes a transaction that is on @list. */
static void worker_finish(struct worker *worker, struct transaction_list *list,
			  struct transaction *transaction, enum transaction_step step)
{
	uint64_t now = clock_now();

	list_remove(list, transaction);
	worker->tally.last_end = now;
	if (step == STEP_OK)
		success_account(worker, transaction, now);
	else
		failure_account(worker, transaction, now);
	transaction_close(transaction);
	if (step == STEP_FAILED && !worker->plan->rate && !worker->plan->hold) {
		transaction->deadline = now + PAUSE;
		list_append(&worker->paused, transaction);
	} else {
		list_append(&worker->idle, transaction);
	}
}

static void worker_step(struct worker *worker, struct transaction *transaction,
			enum transaction_step step)
{
	struct transaction_list *list =
		transaction->state == TRANSACTION_HELD ? &worker->held : &worker->active;

	switch (step) {
	case STEP_PENDING:
		break;
	case STEP_HELD:
		list_remove(&worker->active, transaction);
		list_append(&worker->held, transaction);
		break;
	case STEP_OK:
	case STEP_FAILED:
		worker_finish(worker, list, transaction, step);
		break;
	}
}

/* When, by --rate, the transaction @i of this worker is due. */
static uint64_t due(const struct worker *worker, uint64_t i)
{
	const struct load_plan *plan = worker->plan;
	double number = (double)(i * plan->threads + worker->index);

	return worker->clock->begin + (uint64_t)(number * 1e9 / plan->rate);
}

/* False when --count is used up. */
static bool worker_open(struct worker *worker)
{
	const struct load_plan *plan = worker->plan;
	struct transaction *transaction = worker->idle.last;
	enum transaction_step step;
	uint64_t number, intended;

	number = atomic_fetch_add_explicit(&worker->clock->number, 1,
					   memory_order_relaxed);
	if (number >= plan->count) {
		worker->exhausted = true;
		return false;
	}
	list_remove(&worker->idle, transaction);
	step = transaction_open(transaction, plan, worker->epoll, number);
	if (!transaction->intended)
		transaction->intended = clock_now();
	transaction->deadline = transaction->intended + plan->timeout;
	if (plan->rate) {
		intended = due(worker, worker->issued++);
		if (transaction->intended >= worker->clock->warm)
			histogram_record(&worker->tally.lag,
					 transaction->intended - intended);
		transaction->intended = intended;
	}
	list_append(&worker->active, transaction);
	if (step == STEP_FAILED)
		worker_finish(worker, &worker->active, transaction, step);
	return true;
}

static bool may_begin(const struct worker *worker, uint64_t now)
{
	const struct load_plan *plan = worker->plan;

	if (worker->exhausted || !worker->idle.count ||
	    now >= atomic_load_explicit(&worker->clock->end, memory_order_relaxed))
		return false;
	if (plan->hold)
		return worker->begun < worker->slots && worker->active.count < BATCH;
	return !plan->rate || due(worker, worker->issued) <= now;
}

/* A batch at a time, lest many SYNs at once overflow the server's queue. */
static void worker_begin(struct worker *worker, uint64_t now)
{
	int most = worker->plan->rate ? BATCH_RATE : BATCH;

	for (int i = 0; i < most && may_begin(worker, now) && worker_open(worker); i++)
		worker->begun++;
}

static void worker_expire(struct worker *worker, uint64_t now)
{
	struct transaction *transaction;

	while ((transaction = worker->active.first) && transaction->deadline <= now) {
		transaction_expire(transaction);
		worker_finish(worker, &worker->active, transaction, STEP_FAILED);
	}
	while ((transaction = worker->paused.first) && transaction->deadline <= now) {
		list_remove(&worker->paused, transaction);
		list_append(&worker->idle, transaction);
	}
}

static void hold_fetch(struct worker *worker, uint64_t now)
{
	struct transaction *transaction;

	while ((transaction = worker->held.first)) {
		list_remove(&worker->held, transaction);
		transaction->intended = clock_now();
		transaction->deadline = now + worker->plan->timeout;
		list_append(&worker->active, transaction);
		worker_step(worker, transaction, transaction_fetch(transaction));
	}
}

/* Whoever is the last to have opened its share starts the idle time of all. */
static void worker_hold(struct worker *worker, uint64_t now)
{
	struct load_clock *clock = worker->clock;
	bool over = now >= atomic_load(&clock->end);

	if (worker->phase == HOLD_OPENING && !worker->active.count &&
	    (over || worker->begun == worker->slots)) {
		worker->phase = HOLD_IDLE;
		worker->tally.held = worker->held.count;
		if (atomic_fetch_sub(&clock->opening, 1) == 1)
			atomic_store(&clock->hold_until, now + worker->plan->hold_time);
	}
	if (worker->phase == HOLD_IDLE &&
	    (over || now >= atomic_load(&clock->hold_until))) {
		worker->phase = HOLD_FETCHING;
		hold_fetch(worker, now);
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How long nothing but an event can give this worker something to do. */
static uint64_t patience(const struct worker *worker, uint64_t now)
{
	const struct load_plan *plan = worker->plan;
	uint64_t until =
		now + (plan->hold && worker->phase != HOLD_FETCHING ? LOOK_HOLD : LOOK);

	if (worker->active.first)
		until = earlier(until, worker->active.first->deadline);
	if (worker->paused.first)
		until = earlier(until, worker->paused.first->deadline);
	if (plan->rate && worker->idle.count && !worker->exhausted)
		until = earlier(until, due(worker, worker->issued));
	else if (may_begin(worker, now))
		until = now;
	return until > now ? until - now : 0;
}

static void worker_wait(struct worker *worker, uint64_t now)
{
	struct epoll_event events[BATCH];
	uint64_t wait = patience(worker, now);
	struct timespec timeout = {
		.tv_sec = (time_t)(wait / (1000 * MILLISECOND)),
		.tv_nsec = (long)(wait % (1000 * MILLISECOND)),
	};
	int n = epoll_pwait2(worker->epoll, events, BATCH, &timeout, NULL);

	for (int i = 0; i < n; i++) {
		struct transaction *transaction = events[i].data.ptr;

		worker_step(worker, transaction,
			    transaction_event(transaction, worker->plan, worker->epoll,
					      events[i].events, clock_now(),
					      worker->buffer, BUFFER_SIZE));
	}
}

static bool worker_goes_on(const struct worker *worker, uint64_t now)
{
	if (atomic_load_explicit(&worker->clock->abandon, memory_order_relaxed))
		return false;
	if (worker->active.count || worker->held.count)
		return true;
	if (worker->plan->hold)
		return worker->phase != HOLD_FETCHING;
	return !worker->exhausted &&
	       now < atomic_load_explicit(&worker->clock->end, memory_order_relaxed);
}

/* What is still under way is given up, and by --rate what was due is counted. */
static void worker_give_up(struct worker *worker)
{
	const struct load_plan *plan = worker->plan;
	struct transaction *transaction;
	double span;

	worker->tally.unfinished = worker->active.count + worker->held.count;
	while ((transaction = worker->active.first)) {
		list_remove(&worker->active, transaction);
		transaction_close(transaction);
	}
	while ((transaction = worker->held.first)) {
		list_remove(&worker->held, transaction);
		transaction_close(transaction);
	}
	if (!plan->rate || worker->exhausted)
		return;
	span = (double)(atomic_load(&worker->clock->end) - worker->clock->begin);
	span = ceil((span * plan->rate / 1e9 - (double)worker->index) /
		    (double)plan->threads);
	if (span > (double)worker->issued)
		worker->tally.unstarted = (uint64_t)span - worker->issued;
}

void *worker_run(void *argument)
{
	struct worker *worker = argument;
	struct rusage used;
	uint64_t now;

	/* Timers of --rate are to be as exact as the machine can: not 50 us late. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	for (now = clock_now(); worker_goes_on(worker, now); now = clock_now()) {
		worker_begin(worker, now);
		worker_wait(worker, now);
		now = clock_now();
		worker_expire(worker, now);
		if (worker->plan->hold)
			worker_hold(worker, now);
	}
	worker_give_up(worker);
	if (!getrusage(RUSAGE_THREAD, &used))
		worker->busy =
			(double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
			(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	atomic_fetch_sub(&worker->clock->running, 1);
	pthread_kill(worker->clock->waiter, SIGUSR1);
	return NULL;
}

int worker_create(const struct load_plan *plan, struct load_clock *clock, uint64_t index,
		  struct worker **out, struct complaint *why)
{
	struct worker *worker = aligned_alloc(64, (sizeof(*worker) + 63) / 64 * 64);

	if (!worker)
		abort();
	memset(worker, 0, sizeof(*worker));
	worker->plan = plan;
	worker->clock = clock;
	worker->index = index;
	worker->slots = plan->connections / plan->threads +
			(index < plan->connections % plan->threads);
	worker->slot = calloc(worker->slots, sizeof(*worker->slot));
	worker->buffer = malloc(BUFFER_SIZE);
	if (!worker->slot || !worker->buffer)
		abort();
	for (size_t i = worker->slots; i--;)
		list_append(&worker->idle, &worker->slot[i]);
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll < 0) {
		int error = errno;

		worker_free(worker);
		return complaint_set(why, error, "create an epoll: %s", strerror(error));
	}
	*out = worker;
	return 0;
}

void worker_free(struct worker *worker)
{
	if (worker->epoll >= 0)
		close(worker->epoll);
	free(worker->slot);
	free(worker->buffer);
	free(worker);
}
