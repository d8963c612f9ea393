/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns when the gate is open, why, and since when. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "deploy/gate.h"
#include "helpers/log.h"
#include "helpers/memory.h"

struct gate {
	struct tc_gate *tc;
	bool fail_closed;
	int dirfd;
	enum tc_gate_state state;
	char reason[200];
	long long since_ms, beat_ms;
	unsigned int proxy_port; /* that it was last told */
	bool started, failing;
};

long long gate_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static long long gate_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

const char *gate_format_time(long long unix_ms, char text[32])
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, 32 - n, ".%03uZ", (unsigned int)(unix_ms % 1000));
	return text;
}

int gate_open(const struct step_context *c, int nsfd, int dirfd, struct gate **out,
	      struct error *err)
{
	struct gate *g = memory_new(1, sizeof(*g));
	int r;

	*g = (struct gate){ .dirfd = dirfd, .fail_closed = c->tc.fail_closed };
	r = tc_gate_find(&c->tc, nsfd, &g->tc, err);
	if (r < 0)
		free(g);
	else
		*out = g;
	return r;
}

/* The kernel's deadline was over before it was moved on: nothing else tells of it. */
static void gate_log_late(const struct gate *g)
{
	long long late = gate_clock_ms() - g->beat_ms - GATE_HOLD_MS;

	if (g->started && g->state == TC_GATE_OPEN && !g->fail_closed && late > 0)
		log_warning("gate: the supervisor was held up: new connections passed "
			    "straight through for %lld ms",
			    late);
}

/* A gate that cannot be set is said once, and again when it can. */
static void gate_set(struct gate *g, enum tc_gate_state state)
{
	struct error err = { 0 };
	bool failed;

	gate_log_late(g);
	failed = tc_gate_set(g->tc, state, GATE_HOLD_MS, &err) < 0;
	if (failed && !g->failing)
		log_error("gate: %s", err.msg);
	else if (!failed && g->failing)
		log_info("gate: it can be set again");
	g->failing = failed;
	g->beat_ms = gate_clock_ms();
}

void gate_close(struct gate *g)
{
	if (!g)
		return;
	if (g->state == TC_GATE_OPEN && !g->fail_closed)
		gate_set(g, TC_GATE_PASS);
	tc_gate_close(g->tc);
	free(g);
}

static enum tc_gate_state gate_want(const struct gate *g, const struct generations *all,
				    char *reason, size_t size)
{
	unsigned int well = generations_well(all);

	if (!faccessat(g->dirfd, GATE_DRAINED_FILE, F_OK, 0)) {
		snprintf(reason, size, "drained by hapep drain");
		return TC_GATE_DRAINED;
	}
	generations_summary(all, reason, size);
	return well || g->fail_closed ? TC_GATE_OPEN : TC_GATE_PASS;
}

static void gate_log(const struct gate *g, long long lasted_ms)
{
	static const char *const effect[] = {
		[TC_GATE_PASS] = "new connections pass straight through",
		[TC_GATE_OPEN] = "new connections are proxied",
		[TC_GATE_DRAINED] = "new connections pass straight through",
	};

	if (g->state == TC_GATE_PASS)
		log_warning("gate: pass: %s: %s", effect[g->state], g->reason);
	else if (lasted_ms < 0)
		log_info("gate: %s: %s: %s", tc_gate_state_name(g->state),
			 effect[g->state], g->reason);
	else
		log_info("gate: %s: %s: %s; it was not for %lld ms",
			 tc_gate_state_name(g->state), effect[g->state], g->reason,
			 lasted_ms);
}

/* Whether a rule may lead service traffic elsewhere than the gate was last told. */
static bool gate_point(struct gate *g, unsigned int proxy_port)
{
	bool moved = proxy_port != g->proxy_port;

	g->proxy_port = proxy_port;
	tc_gate_point(g->tc, proxy_port);
	return moved;
}

void gate_tick(struct gate *g, const struct generations *all)
{
	char reason[sizeof(g->reason)];
	enum tc_gate_state want;
	long long lasted = -1;
	bool moved;

	g->fail_closed = generations_present(all)->tc.fail_closed;
	moved = gate_point(g, generations_proxy_port(all));
	want = gate_want(g, all, reason, sizeof(reason));
	if (g->started && want == g->state) {
		/* What was led there before the next beat would find no listener. */
		if (moved || gate_clock_ms() - g->beat_ms >= GATE_BEAT_MS)
			gate_set(g, want);
		return;
	}
	gate_set(g, want);
	if (g->started)
		lasted = gate_wall_ms() - g->since_ms;
	g->started = true;
	g->state = want;
	g->since_ms = gate_wall_ms();
	memcpy(g->reason, reason, sizeof(reason));
	gate_log(g, lasted);
}

void gate_summary(const struct gate *g, char *text, size_t size)
{
	static const char *const words[] = {
		[TC_GATE_PASS] = "new connections go straight through",
		[TC_GATE_OPEN] = "new connections are proxied",
		[TC_GATE_DRAINED] = "drained, new connections go straight through",
	};

	snprintf(text, size, "%s%s%s", words[g->state], g->reason[0] ? ": " : "",
		 g->reason);
}

json_t *gate_describe(const struct gate *g)
{
	char since[32];

	return json_pack("{s:s,s:s,s:s}", "state", tc_gate_state_name(g->state), "since",
			 gate_format_time(g->since_ms, since), "reason", g->reason);
}
