/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a run: rounds of its cases in turn, progress, stopping, going on. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "deploy/bench.h"
#include "deploy/bench_lock.h"
#include "deploy/bench_profile.h"
#include "deploy/bench_report.h"
#include "deploy/bench_result.h"
#include "deploy/command.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

enum { ROUNDS = 5, ROUNDS_QUICK = 1, CONNECTIONS = 64, CONNECTIONS_QUICK = 16 };
#define SECONDS_QUICK 0.3
#define WARMUP        0.5
#define WARMUP_QUICK  0.1

bool bench_stopped(const struct bench *b)
{
	struct pollfd fd = { .fd = b->signals, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void defaults_fill(struct bench *b)
{
	const struct bench_options *o = b->options;

	b->quick = o->quick;
	b->rounds = o->rounds ? o->rounds : o->quick ? ROUNDS_QUICK : ROUNDS;
	b->seconds = o->seconds > 0 ? o->seconds
		     : o->quick     ? SECONDS_QUICK
				    : b->suite->seconds;
	b->warmup = o->quick ? WARMUP_QUICK : WARMUP;
	b->connections = o->quick ? CONNECTIONS_QUICK : CONNECTIONS;
	b->origin = o->origin ? o->origin : "origin";
	b->family = o->family ? o->family : "4";
	b->cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	if (!o->generator || strcmp(o->generator, "external"))
		snprintf(b->lab, sizeof(b->lab), "bench%d", (int)getpid());
}

/* SIGINT and the like become something to wait for; children get them unblocked. */
static int signals_open(struct bench *b, sigset_t *before, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, before);
	b->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return b->signals < 0 ? error_set(err, errno, "open a signalfd") : 0;
}

static void signals_close(struct bench *b, const sigset_t *before)
{
	struct signalfd_siginfo info;

	/* Unblocked, a signal that was seen would still end us. */
	while (b->signals >= 0 && read(b->signals, &info, sizeof(info)) > 0)
		;
	if (b->signals >= 0)
		close(b->signals);
	sigprocmask(SIG_SETMASK, before, NULL);
}

static void figures_say(const struct bench *b, const json_t *sample, struct text *out)
{
	const json_t *metrics = json_object_get(sample, "metrics");

	for (size_t i = 0; i < b->suite->metrics_n && i < 3; i++) {
		const struct bench_metric *m = &b->suite->metrics[i];

		if (json_object_get(metrics, m->name))
			text_add(out, "%s%.*f %s", out->length ? ", " : "", m->digits,
				 bench_number(metrics, m->name), m->unit);
	}
}

static void left_say(double spent, size_t done, size_t left, struct text *out)
{
	double seconds = done ? spent / (double)done * (double)left : 0;

	if (seconds >= 90)
		text_add(out, "%.0f min left", seconds / 60);
	else
		text_add(out, "%.0f s left", seconds);
}

/* Up, load, down. What fails is in the sample; -ECANCELED: the run is to stop. */
static int sample_take(struct bench *b, const struct bench_case *c, json_t *sample,
		       struct error *err)
{
	struct error down = { 0 };
	int r = bench_up(b, c, err);

	if (!r)
		r = b->suite->measure(b, c, sample, err);
	/* A case that did not come up whole may be there in part. */
	if (bench_down(b, c, &down) < 0 && !r) {
		*err = down;
		r = -down.code;
	}
	if (bench_stopped(b))
		return error_say(err, ECANCELED, "interrupted");
	if (r < 0)
		json_object_set_new(sample, "error", json_string(err->msg));
	return 0;
}

static int sample_run(struct bench *b, const struct bench_case *c, unsigned int round,
		      struct error *err)
{
	json_t *sample = json_pack("{s:s,s:i,s:I}", "case", c->name, "round", (int)round,
				   "started", (json_int_t)time(NULL));
	struct error why = { 0 };
	int r = sample_take(b, c, sample, &why);

	if (r < 0) {
		json_decref(sample);
		*err = why;
		return r;
	}
	return bench_result_add(b->result, b->directory, sample, err);
}

static void progress(const struct bench *b, const struct bench_case *c,
		     unsigned int round, double started, size_t done, size_t left)
{
	const json_t *sample = bench_result_sample(b->result, c->name, round);
	const char *error = json_string_value(json_object_get(sample, "error"));
	_cleanup_text_ struct text line = { 0 }, time_left = { 0 };

	figures_say(b, sample, &line);
	left_say(now() - started, done, left, &time_left);
	if (error)
		log_warning("%s: round %u of %u, '%s' failed: %s; %s", b->suite->name,
			    round, b->rounds, c->name, error, time_left.text);
	else
		log_info("%s: round %u of %u, '%s': %s; %s", b->suite->name, round,
			 b->rounds, c->name, line.text ? line.text : "done",
			 time_left.text);
}

static bool sample_wanted(const struct bench *b, size_t i, unsigned int round)
{
	const struct bench_case *c = &b->suite->cases[i];
	const json_t *sample = bench_result_sample(b->result, c->name, round);

	return bench_case_possible(b, c) && (!sample || json_object_get(sample, "error"));
}

static size_t samples_left(const struct bench *b)
{
	size_t n = 0;

	for (unsigned int round = 1; round <= b->rounds; round++) {
		for (size_t i = 0; i < b->suite->cases_n; i++)
			n += sample_wanted(b, i, round);
	}
	return n;
}

static int rounds_run(struct bench *b, struct error *err)
{
	size_t total = samples_left(b), done = 0, n = b->suite->cases_n;
	double started = now();

	for (unsigned int round = 1; round <= b->rounds; round++) {
		for (size_t k = 0; k < n; k++) {
			/* Backwards every other round: a drift hits all alike. */
			size_t i = round % 2 ? k : n - 1 - k;
			int r;

			if (!sample_wanted(b, i, round))
				continue;
			r = sample_run(b, &b->suite->cases[i], round, err);
			if (r < 0)
				return r;
			done++;
			progress(b, &b->suite->cases[i], round, started, done,
				 total - done);
		}
	}
	return 0;
}

static int cases_run(struct bench *b, struct error *err)
{
	struct error end = { 0 };
	int r = bench_begin(b, err);

	if (!r)
		r = bench_cases_prepare(b, err);
	if (!r)
		r = rounds_run(b, err);
	if (!r && b->options->profile)
		r = bench_profile(b, err);
	if (bench_end(b, &end) < 0) {
		log_warning("%s", end.msg);
		if (!r)
			*err = end;
		r = r ? r : -end.code;
	}
	return r;
}

static int run_close(struct bench *b, int r, struct error *err)
{
	size_t failed = bench_result_failures(b->result);
	struct error why = { 0 };

	json_object_set_new(b->result, "complete", json_boolean(!r));
	bench_result_summarise(b->result, b->suite);
	if (bench_result_write(b->result, b->directory, &why) < 0 ||
	    bench_report(b->result, b->suite, b->directory, &why) < 0) {
		if (!r) {
			*err = why;
			r = -why.code;
		}
	}
	if (r == -ECANCELED)
		return error_say(err, ECANCELED,
				 "stopped, and nothing of it is left running; go on with "
				 "`hapep bench %s --resume --output %s`",
				 b->suite->name, b->directory);
	if (r == -ENOSPC || r == -EDQUOT) {
		why = *err;
		return error_say(err, why.code,
				 "%.800s: make room, then go on with `hapep bench %s "
				 "--resume --output %s`",
				 why.msg, b->suite->name, b->directory);
	}
	if (r < 0)
		return r;
	log_info("%s/report.html, report.md, " BENCH_RESULT, b->directory);
	if (failed)
		return error_say(err, EIO, "%zu sample(s) failed: see %s/report.md",
				 failed, b->directory);
	return EXIT_DONE;
}

int bench_run(const struct bench_suite *suite, const struct bench_options *options,
	      const char *base, struct error *err)
{
	struct bench b = {
		.suite = suite,
		.options = options,
		.base = base,
		.signals = -1,
		.lock = -1,
		.name_lock = -1,
	};
	sigset_t before;
	int r = geteuid() ? error_say(err, EPERM, "only root can bring a blade up") : 0;

	defaults_fill(&b);
	if (!r)
		r = bench_libexec(&b.libexec, &b.self, err);
	if (!r)
		r = bench_result_open(&b, err);
	if (!r) {
		r = signals_open(&b, &before, err);
		if (!r)
			r = cases_run(&b, err);
		r = run_close(&b, r, err);
		signals_close(&b, &before);
	}
	bench_locks_end(&b);
	json_decref(b.result);
	json_decref(b.scenarios);
	free(b.directory);
	free(b.libexec);
	free(b.self);
	return r;
}
