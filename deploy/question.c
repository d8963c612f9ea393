/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the turns of a question to an instance: put, heard, put again. */
#include <errno.h>
#include <unistd.h>

#include "deploy/instance.h"
#include "deploy/question.h"
#include "helpers/cleanup.h"

#define ASK_MS  200 /* from an answer to the next question */
#define HEAR_MS 50  /* between two looks for an answer */
/*
 * What is more between two looks is the supervisor's own delay, or the machine's: no
 * answer could have been heard then, so the instance is not blamed for it.
 */
#define LOOK_MOST_MS 150

void question_init(struct question *q, enum haproxy_probe about)
{
	*q = (struct question){ .about = about, .fd = -1 };
}

void question_drop(struct question *q)
{
	cleanup_close(&q->fd);
	question_init(q, q->about);
}

void question_forgive(struct question *q)
{
	q->waited_ms = 0;
	q->refused = 0;
}

static void question_answered(struct question *q, long long now)
{
	question_drop(q);
	q->ask_ms = now + ASK_MS;
	q->looked_ms = now;
}

/* One at a time, so that a silent instance's queue does not fill with them. */
bool question_turn(struct question *q, const char *path, unsigned int again_ms)
{
	long long now = instance_clock_ms();
	int r = 0;

	if (q->fd < 0) {
		if (now < q->ask_ms)
			return false;
		if (!q->asked_ms) {
			q->asked_ms = now;
			q->looked_ms = now;
		}
		q->ask_ms = now + again_ms;
		r = haproxy_probe_ask(path, q->about);
		q->fd = r < 0 ? -1 : r;
	}
	if (q->fd >= 0)
		r = haproxy_probe_hear(q->fd, q->about);
	if (!r) {
		question_answered(q, now);
		return true;
	}
	if (r != -EAGAIN) {
		cleanup_close(&q->fd);
		q->fd = -1;
		q->refused++;
		q->ask_ms = now + again_ms;
	}
	return false;
}

long long question_waited(struct question *q)
{
	long long now = instance_clock_ms(), since = now - q->looked_ms;

	q->looked_ms = now;
	if (q->asked_ms)
		q->waited_ms += since < LOOK_MOST_MS ? since : LOOK_MOST_MS;
	return q->waited_ms;
}

long long question_due(const struct question *q, long long now)
{
	return q->fd >= 0 ? HEAR_MS : q->ask_ms - now;
}
