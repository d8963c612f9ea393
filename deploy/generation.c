/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a generation's life: how it starts, and how it leaves without losing anything. */
#include <errno.h>
#include <stdlib.h>

#include "deploy/gate.h"
#include "deploy/generation.h"
#include "deploy/instance.h"
#include "deploy/scenario.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

#define START_TIMEOUT_MS 120000 /* without another instance that answers */
#define STOP_GRACE_MS    500
#define SETTLE_MS        50  /* a SYN that was led here may still be on its way */
#define LOOK_MS          200 /* between two questions about its handshakes */
/* With the default of tcp_synack_retries (5) a handshake is given up after 63 s. */
#define RETIRE_MOST_MS 70000

int generation_open(const struct step_context *c, unsigned int number, int nsfd,
		    int dirfd, const struct generation *former, struct generation **out,
		    struct error *err)
{
	struct generation *g = memory_new(1, sizeof(*g));
	int r;

	g->c = *c;
	g->number = number;
	g->nsfd = nsfd;
	g->dirfd = dirfd;
	g->guard_fd = -1;
	generation_enter(g, GENERATION_NEXT);
	g->progress_ms = instance_clock_ms();
	if (former)
		r = haproxy_listeners_succeed(&g->c.haproxy, nsfd, former->listeners,
					      &g->listeners, err);
	else
		r = haproxy_listeners_open(&g->c.haproxy, nsfd, true, &g->listeners, err);
	if (!r)
		r = netns_guard_attach(&g->c.netns, nsfd, &g->guard_fd, err);
	if (!r)
		r = instances_prepare(&g->c, number, g->listeners, nsfd, dirfd,
				      &g->instances, err);
	if (r < 0)
		generation_free(g);
	else
		*out = g;
	return r;
}

void generation_free(struct generation *g)
{
	if (!g)
		return;
	if (g->instances)
		instances_stop(g->instances, STOP_GRACE_MS);
	instances_free(g->instances, g->dirfd);
	haproxy_requests_free(g->requests);
	haproxy_listeners_close(g->listeners);
	cleanup_close(&g->guard_fd);
	free(g);
}

void generation_enter(struct generation *g, enum generation_state state)
{
	g->state = state;
	g->since_ms = gate_wall_ms();
}

int generation_ready(struct generation *g, struct error *err)
{
	unsigned int running, n = instances_count(g->instances);
	int r = instances_starting(g->instances, &running, err);

	if (r < 0)
		return r;
	g->ready = g->ready || running == n;
	if (g->ready)
		return 1;
	if (running > g->running)
		g->progress_ms = instance_clock_ms();
	g->running = running;
	if (instance_clock_ms() - g->progress_ms > START_TIMEOUT_MS)
		return error_say(err, ETIMEDOUT,
				 "%u of %u instances answer, and for %u ms no other",
				 running, n, START_TIMEOUT_MS);
	return 0;
}

void generation_retire(struct generation *g)
{
	generation_enter(g, GENERATION_RETIRING);
	g->retire_ms = instance_clock_ms();
	g->look_ms = g->retire_ms + SETTLE_MS;
	log_info("generation %u (%s) retires", g->number,
		 scenario_name(g->c.config.scenario));
}

/* Its own sockets, which nobody needs any more, and its guard go; it keeps its flows. */
static void generation_finish(struct generation *g)
{
	struct error err = { 0 };

	if (haproxy_listeners_end(g->listeners, &err) < 0)
		log_error("generation %u: %s", g->number, err.msg);
	instances_finish(g->instances);
	haproxy_listeners_close(g->listeners);
	g->listeners = NULL;
	cleanup_close(&g->guard_fd);
	g->guard_fd = -1;
	generation_enter(g, GENERATION_FINISHING);
}

/* How many handshakes that began before it retired are under way still. */
static size_t generation_handshakes(struct generation *g)
{
	struct haproxy_requests *now = NULL;
	struct error err = { 0 };
	size_t left = 1;

	if (haproxy_requests_read(g->nsfd, &now, &err) < 0) {
		log_warning("generation %u: %s", g->number, err.msg);
		return left; /* then time alone decides */
	}
	if (!g->requests) {
		g->requests = take_ptr(now);
		return left;
	}
	left = haproxy_requests_left(g->requests, now);
	haproxy_requests_free(now);
	return left;
}

static void generation_retire_tick(struct generation *g)
{
	long long now = instance_clock_ms();
	unsigned int queued;
	size_t left;

	if (!haproxy_listeners_alone(g->listeners, &queued) || !g->ready) {
		generation_finish(g);
		return;
	}
	if (now < g->look_ms)
		return;
	g->look_ms = now + LOOK_MS;
	left = generation_handshakes(g);
	if (left && now - g->retire_ms < RETIRE_MOST_MS)
		return;
	/* Asked again: what was a handshake then may be in a queue now. */
	haproxy_listeners_alone(g->listeners, &queued);
	if (queued && now - g->retire_ms < RETIRE_MOST_MS)
		return;
	if (left || queued)
		log_warning("generation %u: %zu handshakes and %u waiting connections "
			    "after %lld ms: they are given up",
			    g->number, left, queued, now - g->retire_ms);
	generation_finish(g);
}

void generation_tick(struct generation *g)
{
	if (g->state == GENERATION_RETIRING)
		generation_retire_tick(g);
	instances_tick(g->instances);
}

bool generation_over(const struct generation *g)
{
	return g->state == GENERATION_FINISHING && instances_over(g->instances);
}

const char *generation_state_name(enum generation_state state)
{
	static const char *const names[] = { "next", "present", "retiring", "finishing" };

	return names[state];
}

json_t *generation_describe(const struct generation *g)
{
	char since[32];

	return json_pack("{s:i,s:s,s:s,s:s,s:o}", "generation", (int)g->number, "state",
			 generation_state_name(g->state), "since",
			 gate_format_time(g->since_ms, since), "scenario",
			 scenario_name(g->c.config.scenario), "instances",
			 instances_describe(g->instances));
}
