/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the operator's own generator: its hook, and asking for what it said. */
#include "deploy/bench_external.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/run.h"

#define HOOK_SECONDS 3600

static int hook_load(struct bench *b, const struct bench_case *c, json_t **out,
		     struct error *err)
{
	_cleanup_free_ char *file = bench_case_file(b, c);
	_cleanup_free_ char *seconds = memory_printf("%g", b->seconds);
	const char *argv[] = { b->options->hook, "load", c->name, seconds, file, NULL };
	struct run_limits limits = { NULL, b->signals, HOOK_SECONDS };
	_cleanup_text_ struct text text = { 0 };
	json_error_t where;
	int r = run_program_within(argv, &limits, &text, err);

	if (r < 0)
		return error_wrap(err, "hook");
	*out = json_loads(text.text ? text.text : "", 0, &where);
	if (!*out)
		return error_say(err, EPROTO,
				 "the hook %s wrote no JSON to its standard output: %s",
				 b->options->hook, where.text);
	return 0;
}

/* A line of the operator's, unless a signal comes first. */
static int answer_read(struct bench *b, char *line, size_t size, struct error *err)
{
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
				 { .fd = b->signals, .events = POLLIN } };

	while (poll(fds, 2, -1) < 0) {
		if (errno != EINTR)
			return error_set(err, errno, "wait for the figures");
	}
	if (fds[1].revents)
		return error_say(err, ECANCELED, "interrupted");
	if (!fgets(line, (int)size, stdin))
		return error_say(err, EIO,
				 "no figures: standard input ended; where nobody types "
				 "them, --hook names a program that runs the generator");
	return 0;
}

/* TPS and TTFB in milliseconds, as generators print them. */
static int answer_ask(struct bench *b, const struct bench_case *c, json_t **out,
		      struct error *err)
{
	double tps, mean = 0, p99 = 0, failures = 0;
	char line[256];
	int r;

	for (;;) {
		fprintf(stderr,
			"'%s' is up. Run the generator for %g s, then type: TPS "
			"[TTFB-ms [99%%-TTFB-ms [FAILURES]]]\n> ",
			c->name, b->seconds);
		r = answer_read(b, line, sizeof(line), err);
		if (r < 0)
			return r;
		if (sscanf(line, "%lf %lf %lf %lf", &tps, &mean, &p99, &failures) >= 1 &&
		    tps > 0)
			break;
		fprintf(stderr, "expected up to four numbers, the first above 0\n");
	}
	*out = json_pack("{s:f,s:f,s:f,s:{s:f},s:{s:{s:f,s:f,s:f}}}", "tps", tps,
			 "seconds", b->seconds, "transactions", tps * b->seconds,
			 "failures", "total", failures, "latency_us", "first_byte",
			 "mean", mean * 1000, "p50", mean * 1000, "p99", p99 * 1000);
	return 0;
}

int bench_external_load(struct bench *b, const struct bench_case *c, json_t **out,
			struct error *err)
{
	return b->options->hook ? hook_load(b, c, out, err) : answer_ask(b, c, out, err);
}
