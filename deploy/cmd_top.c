/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep top`: a blade at work, drawn on a terminal or written as it goes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "deploy/command.h"
#include "deploy/preflight.h"
#include "deploy/state.h"
#include "deploy/top.h"
#include "deploy/top_screen.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

#define INTERVAL_MS 1000

/* A run of intervals: two samples that take turns. */
struct top {
	struct top_source *source;
	struct top_sample *from, *to;
	double interval;
	unsigned int count; /* left; 0: without end */
	bool json, again;   /* again: not the first that is written */
	struct text text;   /* the last interval's */
};

/* The next interval, into text or onto standard output. True where it was the last. */
static bool top_next(struct top *t, bool quiet)
{
	struct top_sample *swap = t->from;
	json_t *tree;

	top_refresh(t->source);
	top_read(t->source, t->from, t->to);
	tree = top_tree(t->source, t->from, t->to);
	t->from = t->to;
	t->to = swap;
	text_free(&t->text);
	if (!t->json)
		top_text(tree, &t->text);
	if (!quiet && t->json) {
		json_dumpf(tree, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (!quiet) {
		printf("%s%s", t->again ? "\n" : "", t->text.text);
	}
	t->again = true;
	json_decref(tree);
	/* What cannot be written ends it, and main says so. */
	return (!quiet && fflush(stdout)) || (t->count && !--t->count);
}

/* The end of the next interval: steady, but none is made up for after a pause. */
static double top_due(const struct top *t, double due)
{
	due += t->interval;
	return due > t->from->at ? due : t->from->at + t->interval;
}

static void top_sleep(double until)
{
	struct timespec t = { .tv_sec = (time_t)until };

	t.tv_nsec = (long)((until - (double)t.tv_sec) * 1e9);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

/* A pipe, a file, or a terminal without sequences: a block or an object a time. */
static void top_stream(struct top *t)
{
	double next = t->from->at;

	/* Whoever ignores it for us (Python does) would get a complaint for each line. */
	signal(SIGPIPE, SIG_DFL);
	do {
		next = top_due(t, next);
		top_sleep(next);
	} while (!top_next(t, false));
}

static int top_live(struct top *t, struct error *err)
{
	enum screen_event event = SCREEN_TIME;
	double next = t->from->at;
	struct screen *screen;
	bool last = false;
	int r = screen_open(&screen, err);

	if (r < 0)
		return r;
	text_add(&t->text, "hapep top: the first interval is being counted; q ends\n");
	while (!r && event != SCREEN_END && !last) {
		r = screen_draw(screen, t->text.text, err);
		if (event == SCREEN_TIME)
			next = top_due(t, next);
		event = r < 0 ? SCREEN_END : screen_wait(screen, next);
		if (event == SCREEN_TIME)
			last = top_next(t, true);
	}
	screen_close(screen);
	/* What was seen last stays, as a count was asked for. */
	if (last)
		fputs(t->text.text, stdout);
	return r;
}

static int top_run(struct invocation *in, struct error *err)
{
	_cleanup_free_ struct top_sample *a = memory_new(1, sizeof(*a));
	_cleanup_free_ struct top_sample *b = memory_new(1, sizeof(*b));
	struct top t = { .from = a, .to = b, .count = in->count, .json = in->json };
	int r;

	if (in->argc > 1)
		return error_say(err, 0, "unexpected argument '%s'", in->argv[1]),
		       EXIT_USAGE;
	if (in->argc == 1)
		in->name = in->argv[0];
	if (state_name_check(in->name, err) < 0)
		return EXIT_USAGE;
	t.interval = (in->interval_ms ? in->interval_ms : INTERVAL_MS) / 1000.0;
	r = preflight_privileges(err);
	if (!r)
		r = top_open(in->name, &t.source, err);
	if (!r && in->latency)
		r = top_latency_open(t.source, err);
	if (r < 0) {
		top_close(t.source);
		return r;
	}
	top_read(t.source, NULL, t.from);
	r = 0;
	if (!t.json && screen_possible())
		r = top_live(&t, err);
	else
		top_stream(&t);
	top_close(t.source);
	text_free(&t.text);
	return r;
}

const struct command command_top = {
	.name = "top",
	.arguments = "[NAME]",
	.summary = "a blade at work: cores, queues, instances, live",
	.description =
		"Shows, each second, for every core that has a queue or an instance: the\n"
		"instances' connections and transactions a second, the share of connections\n"
		"accepted on the core that received them (local%, where the kernel can count\n"
		"them: BPF tracing, 5.17), packets that pass its stack (a packet that is\n"
		"redirected passes more than once), packets of its receive queues, interrupts of\n"
		"the NIC, the shares of softirq and of all work, packets dropped and polls cut\n"
		"short; and the connections that former generations have left, before they end.\n"
		"On a terminal the screen is redrawn, and q ends; elsewhere a block of text is\n"
		"written each time, and with --json one object a line: counts are the\n"
		"interval's, keys ending in _s are per second, shares 0 to 1, and null is not\n"
		"known here.\n"
		"With --latency also how long segments with payload stay in the blade, by a pair\n"
		"of BPF programs on its NICs that go when top ends, however it ends: a segment is\n"
		"known again where it leaves by its first 32 bytes, so that those which the proxy\n"
		"cut elsewhere, bulk above all, are counted and not timed. Costs under 1 us a\n"
		"packet.",
	.options = OPTION_NAME | OPTION_JSON | OPTION_INTERVAL | OPTION_COUNT |
		   OPTION_LATENCY,
	.words = "",
	.exits = "0 ended by count or q; 1 the blade is not up, or its output "
		 "cannot be written; 2 usage",
	.run = top_run,
};
