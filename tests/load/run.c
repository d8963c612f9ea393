/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts the workers, waits for their end and adds up what they saw. */
#include "tests/load/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/load/worker.h"

#define SECOND UINT64_C(1000000000)

struct run {
	const struct load_plan *plan;
	struct load_clock clock;
	struct worker **worker;
	uint64_t workers; /* created */
	uint64_t started; /* of them, whose threads run */
	bool terminal;
	uint64_t tick; /* when the next line of progress is due */
	uint64_t shown;
	uint64_t abandon; /* when to stop waiting after a signal */
	bool interrupted;
	bool warm_used_known, end_used_known;
	struct rusage warm_used, end_used; /* at the window's ends */
};

static double seconds_of(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void usage_take(struct rusage *usage, bool *known)
{
	if (!*known)
		getrusage(RUSAGE_SELF, usage);
	*known = true;
}

static void progress_show(struct run *run, uint64_t now)
{
	uint64_t done = 0, failed = 0;

	for (uint64_t i = 0; i < run->workers; i++) {
		done += atomic_load(&run->worker[i]->done);
		failed += atomic_load(&run->worker[i]->failed);
	}
	fprintf(stderr,
		"\r%.0f s: %llu transactions, %llu in this second, %llu failures ",
		(double)(now - run->clock.begin) / 1e9, (unsigned long long)done,
		(unsigned long long)(done - run->shown), (unsigned long long)failed);
	run->shown = done;
	run->tick = now + SECOND;
}

/* Does what is due and returns when the next thing is. */
static uint64_t run_tend(struct run *run, uint64_t now)
{
	uint64_t end = atomic_load(&run->clock.end), next = now + SECOND;

	if (run->terminal && now >= run->tick)
		progress_show(run, now);
	if (now >= run->clock.warm)
		usage_take(&run->warm_used, &run->warm_used_known);
	else if (run->clock.warm < next)
		next = run->clock.warm;
	if (now >= end)
		usage_take(&run->end_used, &run->end_used_known);
	else if (end < next)
		next = end;
	if (run->abandon && now >= run->abandon)
		atomic_store(&run->clock.abandon, true);
	else if (run->abandon && run->abandon < next)
		next = run->abandon;
	if (run->terminal && run->tick < next)
		next = run->tick;
	return next;
}

static void run_interrupt(struct run *run)
{
	uint64_t now = clock_now();

	if (run->interrupted) {
		run->abandon = now;
		return;
	}
	run->interrupted = true;
	run->abandon = now + SECOND;
	if (now < atomic_load(&run->clock.end))
		atomic_store(&run->clock.end, now);
}

static void run_wait(struct run *run, const sigset_t *signals)
{
	while (atomic_load(&run->clock.running)) {
		uint64_t now = clock_now(), next = run_tend(run, now);
		uint64_t wait = next > now ? next - now : 0;
		struct timespec timeout = { .tv_sec = (time_t)(wait / SECOND),
					    .tv_nsec = (long)(wait % SECOND) };
		int caught = sigtimedwait(signals, NULL, &timeout);

		if (caught == SIGINT || caught == SIGTERM)
			run_interrupt(run);
	}
	usage_take(&run->warm_used, &run->warm_used_known);
	usage_take(&run->end_used, &run->end_used_known);
	if (run->terminal)
		fprintf(stderr, "\r%78s\r", "");
}

static void clock_set(struct run *run)
{
	const struct load_plan *plan = run->plan;
	struct load_clock *clock = &run->clock;

	clock->begin = clock_now();
	clock->warm = clock->begin + plan->warmup;
	clock->end = plan->duration ? clock->warm + plan->duration : UINT64_MAX;
	clock->hold_until = UINT64_MAX;
	clock->opening = plan->threads;
	clock->waiter = pthread_self();
	run->tick = clock->begin + SECOND;
}

static int run_start(struct run *run, struct complaint *why)
{
	const struct load_plan *plan = run->plan;

	clock_set(run);
	for (; run->started < run->workers; run->started++) {
		struct worker *worker = run->worker[run->started];
		int rc = thread_cpus_start(&plan->cpus, run->started, &worker->thread,
					   worker_run, worker, why);

		if (rc) {
			atomic_store(&run->clock.abandon, true);
			return rc;
		}
		atomic_fetch_add(&run->clock.running, 1);
	}
	return 0;
}

static int workers_create(struct run *run, struct complaint *why)
{
	run->worker = calloc(run->plan->threads, sizeof(struct worker *));
	if (!run->worker)
		abort();
	for (; run->workers < run->plan->threads; run->workers++) {
		int rc = worker_create(run->plan, &run->clock, run->workers,
				       &run->worker[run->workers], why);

		if (rc)
			return rc;
	}
	return 0;
}

/* Joins the threads, adds the workers up in @out and frees them. */
static void run_end(struct run *run, struct load_figures *out)
{
	for (uint64_t i = 0; i < run->workers; i++) {
		struct worker *worker = run->worker[i];
		double share;

		if (i < run->started)
			pthread_join(worker->thread, NULL);
		tally_merge(&out->tally, &worker->tally);
		share = worker->busy / ((double)(clock_now() - run->clock.begin) / 1e9);
		if (share > out->busiest)
			out->busiest = share;
		worker_free(worker);
	}
	free(run->worker);
}

/* Unblocked, a SIGUSR1 that nobody waited for would be the end of the process. */
static void signals_restore(const sigset_t *before)
{
	static const struct timespec at_once = { 0 };
	sigset_t mine;

	sigemptyset(&mine);
	sigaddset(&mine, SIGUSR1);
	while (sigtimedwait(&mine, NULL, &at_once) > 0)
		;
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

static void figures_fill(const struct run *run, struct load_figures *out)
{
	uint64_t end = atomic_load(&run->clock.end), warm = run->clock.warm;

	if (run->plan->hold && atomic_load(&run->clock.hold_until) < end)
		warm = atomic_load(&run->clock.hold_until);
	/* With --count, or when all is done early, the window ends with the last one. */
	if (end == UINT64_MAX || run->plan->count != UINT64_MAX)
		end = end < out->tally.last_end ? end : out->tally.last_end;
	out->seconds = end > warm ? (double)(end - warm) / 1e9 : 0;
	out->interrupted = run->interrupted;
	out->user = seconds_of(&run->end_used.ru_utime) -
		    seconds_of(&run->warm_used.ru_utime);
	out->system = seconds_of(&run->end_used.ru_stime) -
		      seconds_of(&run->warm_used.ru_stime);
}

int load_run(const struct load_plan *plan, struct load_figures *out,
	     struct complaint *why)
{
	struct run run = { .plan = plan, .terminal = isatty(STDERR_FILENO) };
	sigset_t signals, before;
	int rc;

	memset(out, 0, sizeof(*out));
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, &before);
	rc = workers_create(&run, why);
	if (!rc)
		rc = run_start(&run, why);
	if (!rc)
		run_wait(&run, &signals);
	run_end(&run, out);
	if (!rc)
		figures_fill(&run, out);
	signals_restore(&before);
	return rc;
}
