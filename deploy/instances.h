/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instances of a generation: started, watched, restarted with back-off, ended. */
#ifndef DEPLOY_INSTANCES_H
#define DEPLOY_INSTANCES_H

#include <jansson.h>
#include <stdbool.h>

#include "deploy/plan.h"

struct instances;

#define INSTANCE_STATS     "stats"
#define INSTANCE_PROBE     "probe"
#define INSTANCE_CONFIG    "haproxy"
#define INSTANCE_FILE_SIZE 64

/*
 * Takes the open listening sockets (borrowed) of the plan (borrowed) and prepares the
 * instances: in the directory dirfd each one's stats socket, its probe's, and a copy of
 * its configuration for the operator to read. nsfd, dirfd borrowed. *out is the caller's:
 * instances_free.
 */
int instances_prepare(const struct step_context *c, unsigned int generation,
		      struct haproxy_listeners *l, int nsfd, int dirfd,
		      struct instances **out, struct error *err);
/* Removes those files too. NULL: nothing. */
void instances_free(struct instances *all, int dirfd);

/*
 * The files are stats.G.K, probe.G.K and haproxy.G.K.cfg of generation G's instance K;
 * the present generation's are stats.K, probe.K and haproxy.K.cfg. Renames them.
 */
void instances_rename(struct instances *all, int dirfd, bool present);
void instances_file(const struct instances *all, const char *format, unsigned int k,
		    char file[INSTANCE_FILE_SIZE]);

/*
 * Starts what is due (at the first call all, for 100 ms at most), asks each whether it
 * lives and proxies. One that does not leaves the listening group as long as another one
 * serves and its sockets are not another generation's too, and is killed if it stays so:
 * if it does not answer, after a while; if it only does not proxy, once it is empty.
 */
void instances_tick(struct instances *all);
/* Whether an instance's sockets have left or joined the group since the last call. */
bool instances_regrouped(struct instances *all);
/* Milliseconds until instances_tick has something to do. */
int instances_due_ms(const struct instances *all);
/* Whether this one of theirs has died, with that wait status. */
bool instances_reaped(struct instances *all, pid_t pid, int status);

/*
 * While they start: 0 and in *running how many answer, -ECHILD once one has died, or
 * could not be started, before all did.
 */
int instances_starting(const struct instances *all, unsigned int *running,
		       struct error *err);
unsigned int instances_count(const struct instances *all);

/* How many serve: they run, answer and proxy. */
unsigned int instances_well(const struct instances *all);
/* "1 of 2 instances serve; instance 1 does not answer": one line of at most size. */
void instances_summary(const struct instances *all, char *text, size_t size);

/* Has them accept no more, and end each with its last connection. */
void instances_finish(struct instances *all);
/* Whether none of them lives, or is to live again. */
bool instances_over(const struct instances *all);

/* SIGTERM to all; then waits until all are reaped, with SIGKILL after grace_ms. */
void instances_terminate(const struct instances *all);
void instances_stop(struct instances *all, unsigned int grace_ms);

/*
 * [{"instance", "pid", "cpu", "state", "restarts", "queued", "last_end", "stats"}]; those
 * that finish have "connections" instead of "stats", the file of their stats socket;
 * those that do not answer or proxy have "fault" and "fault_since" too.
 */
json_t *instances_describe(const struct instances *all);

#endif
