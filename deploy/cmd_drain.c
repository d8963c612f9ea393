/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep drain` and `hapep undrain`: new connections past the proxy, and back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "deploy/blade.h"
#include "deploy/command.h"
#include "deploy/gate.h"
#include "deploy/state.h"
#include "deploy/supervisor.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"

#define DRAIN_ASK_MS     250
#define DRAIN_STATS_MS   300  /* what an instance may take to answer */
#define DRAIN_QUIET_MS   1000 /* no connection for so long: no handshake is under way */
#define DRAIN_TELL_MS    1000 /* progress on a terminal */
#define DRAIN_LIMIT_MS   3600000
#define UNDRAIN_LIMIT_MS 2000

static long long drain_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void drain_nap(void)
{
	const struct timespec nap = { .tv_nsec = DRAIN_ASK_MS * 1000000L };

	nanosleep(&nap, NULL);
}

/* The directory of a blade that is up, locked; and its gate, the caller's. */
static int drain_open(const char *name, struct tc_gate **gate, struct error *err)
{
	_cleanup_close_ int dirfd = -1;
	struct step_context plan;
	struct config config;
	int r = blade_config(name, &config, err);

	if (r == -ENOENT)
		return error_say(err, ENOENT, "blade '%s' is not up", name);
	if (!r)
		r = plan_recall(name, &config, &plan, err);
	if (r < 0)
		return r;
	dirfd = state_open(name, false, true, err);
	if (dirfd < 0)
		return dirfd;
	r = tc_gate_find(&plan.tc, -1, gate, err);
	return r < 0 ? r : take_fd(dirfd);
}

/* The file before the gate: what the supervisor does next agrees with what we do. */
static int drain_begin(const char *name, struct error *err)
{
	struct tc_gate *gate = NULL;
	_cleanup_close_ int dirfd = drain_open(name, &gate, err);
	int r = dirfd;

	if (r >= 0)
		r = state_write(dirfd, GATE_DRAINED_FILE, "", err);
	if (!r)
		r = tc_gate_set(gate, TC_GATE_DRAINED, 0, err);
	tc_gate_close(gate);
	return r;
}

struct drain_left {
	unsigned long long connections;
	unsigned int silent; /* instances that do not tell */
};

static void drain_ask(const char *name, const json_t *one, struct drain_left *left)
{
	const char *file = json_string_value(json_object_get(one, "stats"));
	struct haproxy_stats stats;
	struct error ignored;
	char path[128];

	left->connections +=
		(unsigned long long)(json_integer_value(json_object_get(one, "queued")) +
				     json_integer_value(
					     json_object_get(one, "connections")));
	if (!file || !json_integer_value(json_object_get(one, "pid")))
		return;
	snprintf(path, sizeof(path), STATE_ROOT "/%s/%s", name, file);
	if (haproxy_stats_read(path, DRAIN_STATS_MS, &stats, &ignored) < 0)
		left->silent++;
	else
		left->connections += stats.current_connections;
}

static void drain_ask_all(const char *name, const json_t *instances,
			  struct drain_left *left)
{
	const json_t *one;
	size_t i;

	json_array_foreach(instances, i, one)
	{
		drain_ask(name, one, left);
	}
}

/* Without a supervisor there are no instances, and so no connections. */
static struct drain_left drain_count(const char *name)
{
	struct drain_left left = { 0 };
	static const char *const others[] = { "next", "retiring" };
	json_t *all = NULL, *one;
	struct error ignored;
	size_t i;

	if (supervisor_query(name, &all, &ignored) < 0) {
		left.silent = ignored.code != ENOTCONN;
		return left;
	}
	drain_ask_all(name, json_object_get(all, "instances"), &left);
	for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
		json_array_foreach(json_object_get(all, others[k]), i, one)
		{
			drain_ask_all(name, json_object_get(one, "instances"), &left);
		}
	}
	json_decref(all);
	return left;
}

static void drain_tell(const struct drain_left *left, bool end)
{
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[K");
	if (!end)
		fprintf(stderr, "%llu proxied connections left%s", left->connections,
			left->silent ? ", and those of an instance that does not answer"
				     : "");
	fflush(stderr);
}

/* False where some are left at the end of the limit. */
static bool drain_wait(const char *name, unsigned int limit_ms, struct drain_left *left)
{
	long long start = drain_now(), quiet = 0, told = 0, now;

	for (;;) {
		*left = drain_count(name);
		now = drain_now();
		if (left->connections || left->silent)
			quiet = 0;
		else if (!quiet)
			quiet = now;
		if (quiet && now - quiet >= DRAIN_QUIET_MS)
			return true;
		if (now - start >= limit_ms)
			return false;
		if (!told || now - told >= DRAIN_TELL_MS) {
			drain_tell(left, false);
			told = now;
		}
		drain_nap();
	}
}

static int drain_run(struct invocation *in, struct error *err)
{
	unsigned int limit = in->timeout_ms ? in->timeout_ms : DRAIN_LIMIT_MS;
	struct drain_left left;
	bool empty;
	int r;

	if (in->argc)
		return error_say(err, 0, "unexpected argument '%s'", in->argv[0]),
		       EXIT_USAGE;
	r = drain_begin(in->name, err);
	if (r < 0)
		return r;
	log_info("blade '%s': new connections pass straight through", in->name);
	empty = drain_wait(in->name, limit, &left);
	drain_tell(&left, true);
	if (!empty)
		return error_say(err, ETIMEDOUT,
				 "%llu proxied connections are left%s after %.1f s; the "
				 "blade stays drained: drain again to go on waiting, "
				 "`hapep undrain` takes it back",
				 left.connections,
				 left.silent ? ", and those of an instance that does "
					       "not answer,"
					     : "",
				 limit / 1000.0);
	log_info("blade '%s' is drained: no proxied connection is left", in->name);
	return EXIT_DONE;
}

/* The supervisor opens the gate if an instance serves; without one it stays shut. */
static int undrain_wait(struct tc_gate *gate, struct tc_gate_reading *seen,
			struct error *err)
{
	long long end = drain_now() + UNDRAIN_LIMIT_MS;
	int r = tc_gate_read(gate, seen, err);

	while (!r && seen->state != TC_GATE_OPEN && drain_now() < end) {
		drain_nap();
		r = tc_gate_read(gate, seen, err);
	}
	return r;
}

static int undrain_run(struct invocation *in, struct error *err)
{
	struct tc_gate *gate = NULL;
	struct tc_gate_reading seen = { 0 };
	int r, dirfd;

	if (in->argc)
		return error_say(err, 0, "unexpected argument '%s'", in->argv[0]),
		       EXIT_USAGE;
	dirfd = r = drain_open(in->name, &gate, err);
	if (r >= 0 && unlinkat(dirfd, GATE_DRAINED_FILE, 0) < 0 && errno != ENOENT)
		r = error_set(err, errno, "remove the mark of a drained blade");
	if (r >= 0)
		r = tc_gate_read(gate, &seen, err);
	if (r >= 0 && seen.state == TC_GATE_DRAINED)
		r = tc_gate_set(gate, TC_GATE_PASS, 0, err);
	if (r >= 0)
		r = undrain_wait(gate, &seen, err);
	tc_gate_close(gate);
	if (dirfd >= 0)
		close(dirfd);
	if (r < 0)
		return r;
	if (seen.state != TC_GATE_OPEN)
		return error_say(err, EAGAIN,
				 "blade '%s' is drained no more, but no instance serves: "
				 "new connections pass straight through until one does; "
				 "see `hapep status`",
				 in->name);
	log_info("blade '%s': new connections are proxied", in->name);
	return EXIT_DONE;
}

const struct command command_drain = {
	.name = "drain",
	.arguments = "",
	.summary = "send new connections straight through, wait for the rest",
	.description =
		"From now on new connections are forwarded past the proxy; those that are\n"
		"proxied stay so to their end, for which it waits, at most --timeout (1h unless\n"
		"given). The blade stays drained, whatever becomes of the supervisor, until\n"
		"`hapep undrain` or `hapep down`. Interrupted, it stays drained too.",
	.options = OPTION_NAME | OPTION_TIMEOUT,
	.words = "",
	.exits = "0 no proxied connection is left; 1 some are, or it failed; 2 usage",
	.run = drain_run,
};

const struct command command_undrain = {
	.name = "undrain",
	.arguments = "",
	.summary = "let a drained blade proxy new connections again",
	.description =
		"New connections go to the proxy again; those that were forwarded meanwhile\n"
		"are forwarded to their end.",
	.options = OPTION_NAME,
	.words = "",
	.exits =
		"0 new connections are proxied; 1 no instance serves, or it failed; 2 usage",
	.run = undrain_run,
};
