/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One generation: a plan, its listening sockets and its instances. */
#ifndef DEPLOY_GENERATION_H
#define DEPLOY_GENERATION_H

#include <jansson.h>

#include "deploy/instances.h"
#include "deploy/plan.h"

enum generation_state {
	GENERATION_NEXT,    /* beside the present one, nothing decided yet */
	GENERATION_PRESENT, /* new connections go to it */
	/*
	 * Nothing new goes to its own sockets; it accepts what still waits in those, be
	 * it whole or a handshake that its listener has begun.
	 */
	GENERATION_RETIRING,
	GENERATION_FINISHING, /* accepts no more; ends with its last connection */
};

struct generation {
	struct generation *other; /* the next of a list */
	unsigned int number;      /* from 1 on */
	enum generation_state state;
	long long since_ms;    /* of the state; CLOCK_REALTIME */
	struct step_context c; /* its own copy */
	struct haproxy_listeners *listeners;
	struct instances *instances;
	int guard_fd, dirfd, nsfd; /* the guard's is its own */
	/* While it starts; on the monotonic clock. ready: it may have had connections. */
	bool ready;
	unsigned int running;
	long long progress_ms;
	/* While it retires; on the monotonic clock. */
	struct haproxy_requests *requests;
	long long retire_ms, look_ms;
};

/*
 * Opens what listening sockets the plan (copied) needs and the former (NULL: none) lacks,
 * and prepares the instances, which generation_tick starts. nsfd, dirfd are borrowed.
 */
int generation_open(const struct step_context *c, unsigned int number, int nsfd,
		    int dirfd, const struct generation *former, struct generation **out,
		    struct error *err);
/* Kills what lives still. NULL: nothing. */
void generation_free(struct generation *g);

void generation_enter(struct generation *g, enum generation_state state);
/* 1: every instance answers; 0: not yet; -errno: it will not. */
int generation_ready(struct generation *g, struct error *err);
void generation_tick(struct generation *g);
/* Nothing leads new connections to it any more: it serves what it has and goes. */
void generation_retire(struct generation *g);
/* Whether it is gone. */
bool generation_over(const struct generation *g);

const char *generation_state_name(enum generation_state state);
/* {"generation", "state", "since", "scenario", "instances"} */
json_t *generation_describe(const struct generation *g);

#endif
