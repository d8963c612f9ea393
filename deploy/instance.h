/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One HAProxy instance, as deploy/instances.c knows it. */
#ifndef DEPLOY_INSTANCE_H
#define DEPLOY_INSTANCE_H

#include <stdbool.h>
#include <sys/types.h>

#include "deploy/instances.h"

enum instance_state {
	INSTANCE_DOWN,
	INSTANCE_STARTING,
	INSTANCE_RUNNING,
	INSTANCE_FINISHING, /* accepts no more, and ends with its last connection */
	INSTANCE_OVER
};

struct instance {
	enum instance_state state;
	pid_t pid;
	int stats_fd;
	unsigned int restarts, backoff_ms;
	bool silent; /* running, but it does not answer */
	int ask_fd;  /* the question under way; -1: none */
	/* On the monotonic clock. asked_ms: the first question unanswered; 0: none */
	long long since_ms, next_ms, ask_ms, asked_ms, looked_ms;
	long long waited_ms; /* for its answer, as far as the supervisor was there */
	char last_end[96];   /* how it died the last time; empty: never */
};

struct instances {
	const struct step_context *c;
	unsigned int generation;
	bool present;                        /* its files have the plain names */
	struct haproxy_listeners *listeners; /* NULL once they finish */
	int nsfd;
	bool regrouped; /* since it was last asked */
	unsigned int n;
	struct instance one[];
};

long long instance_clock_ms(void);
/* Of its stats socket. */
void instance_path(const struct instances *all, unsigned int k, char *path, size_t size);
/* How the log calls it: "instance 0", or "instance 0 of generation 2". Its buffer. */
const char *instance_name(const struct instances *all, unsigned int k, char name[48]);

int instance_start(struct instances *all, unsigned int k, struct error *err);
/* It could not be started: not again before a while. */
void instance_back_off(struct instance *i);
/* It was reaped with that status. */
void instance_died(struct instances *all, unsigned int k, int status);

/* Puts the next question, or hears the answer to the last; never waits. */
void instance_ask(struct instances *all, unsigned int k);
/* The same, and marks as silent what owes an answer for long; kills it in the end. */
void instance_watch(struct instances *all, unsigned int k);
/* Has it accept no more and end with its last connection. */
void instance_finish(struct instances *all, unsigned int k);
/* The TCP connections of one that finishes, by the sockets it has. */
unsigned int instance_connections(const struct instance *i);
/* Whether nothing new shall go to it, if others are there to take it. */
bool instance_idles(const struct instance *i);

/* Milliseconds from now (instance_clock_ms) until something is to be done. */
long long instance_due(const struct instance *i, long long now);
const char *instance_state_name(const struct instance *i);

#endif
