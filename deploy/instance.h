/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One HAProxy instance, as deploy/instances.c knows it. */
#ifndef DEPLOY_INSTANCE_H
#define DEPLOY_INSTANCE_H

#include <stdbool.h>
#include <sys/types.h>

#include "deploy/instances.h"
#include "deploy/question.h"

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
	int stats_fd, probe_fd;
	unsigned int restarts, backoff_ms;
	struct question life, proxy;
	bool silent; /* running, but it does not answer */
	bool stuck;  /* it answers, but does not proxy */
	/* Of silent or stuck: CLOCK_REALTIME in ms, and why */
	long long fault_ms;
	char fault[96];
	/* On the monotonic clock */
	long long since_ms, next_ms, count_ms;
	char last_end[96]; /* how it died the last time; empty: never */
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
/* Of its stats or its probe's socket. */
void instance_path(const struct instances *all, const char *format, unsigned int k,
		   char *path, size_t size);
/* How the log calls it: "instance 0", or "instance 0 of generation 2". Its buffer. */
const char *instance_name(const struct instances *all, unsigned int k, char name[48]);

int instance_start(struct instances *all, unsigned int k, struct error *err);
/* It could not be started: not again before a while. */
void instance_back_off(struct instance *i);
/* It was reaped with that status. */
void instance_died(struct instances *all, unsigned int k, int status);

/*
 * Puts the next questions, or hears the answers to the last, without waiting; marks as
 * silent or stuck what owes one for long, and in the end kills it (deploy/watch.c).
 */
void instance_watch(struct instances *all, unsigned int k);
/* It is neither silent nor stuck, and nothing is owed. */
void instance_ask_no_more(struct instance *i);
/* Has it accept no more and end with its last connection. */
void instance_finish(struct instances *all, unsigned int k);
/* The TCP connections of one that finishes, by the sockets it has. */
unsigned int instance_connections(const struct instance *i);
/* Whether it runs, answers and proxies. */
bool instance_serves(const struct instance *i);
/* Whether nothing new shall go to it, if others are there to take it. */
bool instance_idles(const struct instance *i);

/* Milliseconds from now (instance_clock_ms) until something is to be done. */
long long instance_due(const struct instance *i, long long now);
const char *instance_state_name(const struct instance *i);

#endif
