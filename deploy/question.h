/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A question to an instance that is put again and again: when, and how long unanswered.
 */
#ifndef DEPLOY_QUESTION_H
#define DEPLOY_QUESTION_H

#include <stdbool.h>

#include "haproxy/haproxy.h"

/* On the monotonic clock, milliseconds. */
struct question {
	enum haproxy_probe about;
	int fd;               /* the one under way; -1: none */
	unsigned int refused; /* how many in a row have come back without an answer */
	/* When the next one is due; the first unanswered (0: none); the last look */
	long long ask_ms, asked_ms, looked_ms;
	long long waited_ms; /* for the answer, as far as the supervisor was there */
};

void question_init(struct question *q, enum haproxy_probe about);
/* None is under way, none owed; the next one is due at once. */
void question_drop(struct question *q);
/* The instance is not blamed for what it owes so far. */
void question_forgive(struct question *q);

/*
 * Puts the next one to the socket at path where it is due, or hears the answer to the
 * last, without waiting; true: it came just now. again_ms: until one that came back
 * without an answer is put again.
 */
bool question_turn(struct question *q, const char *path, unsigned int again_ms);

/* For how long an answer has been listened for in vain; to be called at every look. */
long long question_waited(struct question *q);

/* Milliseconds from now until something is to be done. */
long long question_due(const struct question *q, long long now);

#endif
