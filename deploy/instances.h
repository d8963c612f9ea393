/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instances under a supervisor: started, watched, restarted with back-off, ended. */
#ifndef DEPLOY_INSTANCES_H
#define DEPLOY_INSTANCES_H

#include <jansson.h>
#include <stdbool.h>

#include "deploy/plan.h"

struct instances;

/*
 * Takes the open listening sockets (borrowed) of the plan and prepares the instances:
 * a stats socket each in the directory dirfd, and a copy of each configuration for the
 * operator to read. nsfd, dirfd borrowed. *out is the caller's: instances_free.
 */
int instances_prepare(const struct step_context *c, struct haproxy_listeners *l, int nsfd,
		      int dirfd, struct instances **out, struct error *err);
void instances_free(struct instances *all);

/*
 * Starts every instance and waits until each answers; the first that dies ends it, and
 * so do timeout_ms without another one that answers. progress (with arg) is told how
 * many do.
 */
int instances_start(struct instances *all, unsigned int timeout_ms,
		    void (*progress)(unsigned int running, unsigned int n, void *arg),
		    void *arg, struct error *err);

/*
 * Reaps what has died, restarts what is due, asks each whether it lives. An instance
 * that does not answer leaves the listening group as long as another one serves, and is
 * killed if it stays so.
 */
void instances_tick(struct instances *all);
/* Whether an instance's sockets have left or joined the group since the last call. */
bool instances_regrouped(struct instances *all);
/* Milliseconds until instances_tick has something to do. */
int instances_due_ms(const struct instances *all);

/* How many serve: they run, and answer. */
unsigned int instances_well(const struct instances *all);
/* "1 of 2 instances serves; instance 1 does not answer": one line of at most size. */
void instances_summary(const struct instances *all, char *text, size_t size);

/* SIGTERM to all, SIGKILL after grace_ms, all reaped. */
void instances_stop(struct instances *all, unsigned int grace_ms);

/* [{"instance", "pid", "cpu", "state", "restarts", "queued", "last_end"}] */
json_t *instances_describe(const struct instances *all);

#endif
