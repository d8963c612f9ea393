/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the life of the HAProxy instances: start, death, back-off, end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deploy/instances.h"
#include "deploy/state.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

#define BACKOFF_FIRST_MS  100
#define BACKOFF_MOST_MS   10000
#define BACKOFF_FORGET_MS 30000 /* an instance that lived this long starts afresh */
#define POLL_MS           20    /* while an instance is starting or not answering */
#define ASK_MS            200   /* from an answer to the next question */
#define ASK_AGAIN_MS      50    /* after a question that could not be put */
#define SILENT_MS         500   /* unanswered so long: it does not serve */
/*
 * Unanswered so long: it is killed. A stall of the machine's own (a frozen guest, a
 * stopped cgroup) is mostly shorter, and the instance's connections outlive it then.
 */
#define SILENT_KILL_MS       5000
#define SILENT_KILL_START_MS 20000
#define LEAVE_BACKOFF_MS     200 /* down for longer: nothing shall queue for it */

enum instance_state { INSTANCE_DOWN, INSTANCE_STARTING, INSTANCE_RUNNING };

static const char *const state_names[] = { "backing-off", "starting", "running" };

struct instance {
	enum instance_state state;
	pid_t pid;
	int stats_fd;
	unsigned int restarts, backoff_ms;
	bool silent; /* running, but it does not answer */
	int ask_fd;  /* the question under way; -1: none */
	/* On the monotonic clock. asked_ms: the first question unanswered; 0: none */
	long long since_ms, next_ms, ask_ms, asked_ms;
	char last_end[96]; /* how it died the last time; empty: never */
};

struct instances {
	const struct step_context *c;
	struct haproxy_listeners *listeners;
	int nsfd;
	unsigned int n;
	struct instance one[];
};

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void instance_path(const struct instances *all, unsigned int k, char *path,
			  size_t size)
{
	snprintf(path, size, STATE_ROOT "/%s/stats.%u", all->c->name, k);
}

static int instance_prepare(struct instances *all, unsigned int k, int dirfd,
			    struct error *err)
{
	struct text rendered = { 0 };
	char name[32];
	int r;

	snprintf(name, sizeof(name), "stats.%u", k);
	r = haproxy_stats_listen(dirfd, name, err);
	if (r < 0)
		return r;
	all->one[k].stats_fd = r;
	haproxy_render(&all->c->haproxy, &all->c->version, k, &rendered);
	snprintf(name, sizeof(name), "haproxy.%u.cfg", k);
	r = state_write(dirfd, name, rendered.text, err);
	text_free(&rendered);
	return r;
}

int instances_prepare(const struct step_context *c, struct haproxy_listeners *l, int nsfd,
		      int dirfd, struct instances **out, struct error *err)
{
	unsigned int n = haproxy_instances(&c->haproxy);
	struct instances *all = memory_new(1, sizeof(*all) + n * sizeof(all->one[0]));
	int r = 0;

	*all = (struct instances){ .c = c, .listeners = l, .nsfd = nsfd, .n = n };
	for (unsigned int k = 0; k < n; k++)
		all->one[k].stats_fd = all->one[k].ask_fd = -1;
	for (unsigned int k = 0; k < n && !r; k++)
		r = instance_prepare(all, k, dirfd, err);
	if (r < 0) {
		instances_free(all);
		return r;
	}
	*out = all;
	return 0;
}

void instances_free(struct instances *all)
{
	if (!all)
		return;
	for (unsigned int k = 0; k < all->n; k++) {
		cleanup_close(&all->one[k].stats_fd);
		cleanup_close(&all->one[k].ask_fd);
	}
	free(all);
}

static void instance_ask_no_more(struct instance *i)
{
	cleanup_close(&i->ask_fd);
	i->ask_fd = -1;
	i->ask_ms = i->asked_ms = 0;
	i->silent = false;
}

/* HAProxy listens on what does not listen: better we do, and know the group's order. */
static int instance_start(struct instances *all, unsigned int k, struct error *err)
{
	struct instance *i = &all->one[k];
	int r = haproxy_listeners_join(all->listeners, &all->c->haproxy, k, err);

	if (!r)
		r = haproxy_instance_start(&all->c->haproxy, &all->c->version, k,
					   all->listeners, all->nsfd, i->stats_fd,
					   STDERR_FILENO, &i->pid, err);

	if (r < 0)
		return error_wrap(err, "start instance %u", k);
	i->state = INSTANCE_STARTING;
	i->since_ms = now_ms();
	return 0;
}

static void instance_back_off(struct instance *i)
{
	long long lived = now_ms() - i->since_ms;

	if (lived > BACKOFF_FORGET_MS || !i->backoff_ms)
		i->backoff_ms = BACKOFF_FIRST_MS;
	else if (i->backoff_ms < BACKOFF_MOST_MS)
		i->backoff_ms = i->backoff_ms * 2 < BACKOFF_MOST_MS ? i->backoff_ms * 2
								    : BACKOFF_MOST_MS;
	i->state = INSTANCE_DOWN;
	i->pid = 0;
	instance_ask_no_more(i);
	i->next_ms = now_ms() + i->backoff_ms;
}

static void instance_died(struct instances *all, unsigned int k, int status)
{
	struct instance *i = &all->one[k];
	pid_t pid = i->pid;

	if (WIFSIGNALED(status))
		snprintf(i->last_end, sizeof(i->last_end), "killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(i->last_end, sizeof(i->last_end), "exited with status %d",
			 WEXITSTATUS(status));
	instance_back_off(i);
	log_warning("instance %u (pid %d, CPU %u) %s; its connections are lost, new ones "
		    "queue; restart in %u ms",
		    k, (int)pid, all->c->haproxy.cpu[k], i->last_end, i->backoff_ms);
}

static void instances_reap(struct instances *all)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned int k = 0; k < all->n; k++) {
			if (all->one[k].pid == pid)
				instance_died(all, k, status);
		}
	}
}

/* It answered: whatever it was, it serves now. */
static void instance_answered(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	long long now = now_ms();

	if (i->state == INSTANCE_STARTING)
		log_info("instance %u (pid %d, CPU %u) accepts, %lld ms after its start",
			 k, (int)i->pid, all->c->haproxy.cpu[k], now - i->since_ms);
	else if (i->silent)
		log_info("instance %u (pid %d) answers again, after %lld ms", k,
			 (int)i->pid, now - i->asked_ms);
	instance_ask_no_more(i);
	i->state = INSTANCE_RUNNING;
	i->ask_ms = now + ASK_MS;
}

/* One question at a time, so that a silent instance's queue does not fill with them. */
static void instance_ask(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	long long now = now_ms();
	char path[128];
	int r;

	if (i->ask_fd < 0) {
		if (now < i->ask_ms)
			return;
		if (!i->asked_ms)
			i->asked_ms = now;
		i->ask_ms = now + ASK_AGAIN_MS;
		instance_path(all, k, path, sizeof(path));
		i->ask_fd = haproxy_probe_ask(path);
		if (i->ask_fd < 0)
			return;
	}
	r = haproxy_probe_hear(i->ask_fd);
	if (!r) {
		instance_answered(all, k);
	} else if (r != -EAGAIN) {
		close(i->ask_fd);
		i->ask_fd = -1;
	}
}

static void instance_judge(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	bool starting = i->state == INSTANCE_STARTING;
	long long silent_ms = i->asked_ms ? now_ms() - i->asked_ms : 0;

	if (!starting && !i->silent && silent_ms > SILENT_MS) {
		i->silent = true;
		log_warning("instance %u (pid %d, CPU %u) has not answered for %lld ms",
			    k, (int)i->pid, all->c->haproxy.cpu[k], silent_ms);
	}
	if (silent_ms > (starting ? SILENT_KILL_START_MS : SILENT_KILL_MS)) {
		log_warning("instance %u (pid %d) has not answered for %lld ms: killing "
			    "it",
			    k, (int)i->pid, silent_ms);
		kill(i->pid, SIGKILL);
		i->asked_ms = now_ms(); /* it takes a moment to die */
	}
}

static bool instances_starting(struct instances *all)
{
	for (unsigned int k = 0; k < all->n; k++) {
		if (all->one[k].state == INSTANCE_STARTING)
			return true;
	}
	return false;
}

int instances_start(struct instances *all, unsigned int timeout_ms, struct error *err)
{
	const struct timespec nap = { .tv_nsec = 5000000 };
	long long end = now_ms() + timeout_ms;
	int r;

	for (unsigned int k = 0; k < all->n; k++) {
		r = instance_start(all, k, err);
		if (r < 0)
			return r;
	}
	while (instances_starting(all)) {
		nanosleep(&nap, NULL);
		if (now_ms() > end)
			return error_say(err, ETIMEDOUT,
					 "not every instance answers after %u ms",
					 timeout_ms);
		for (unsigned int k = 0; k < all->n; k++) {
			if (all->one[k].state == INSTANCE_STARTING)
				instance_ask(all, k);
		}
		instances_reap(all);
		for (unsigned int k = 0; k < all->n; k++) {
			if (all->one[k].state == INSTANCE_DOWN)
				return error_say(err, ECHILD, "instance %u %s", k,
						 all->one[k].last_end);
		}
	}
	return 0;
}

/* Whether nothing new shall go to it, if others are there to take it. */
static bool instance_idles(const struct instance *i)
{
	return i->silent ||
	       (i->state == INSTANCE_DOWN && i->backoff_ms > LEAVE_BACKOFF_MS);
}

static void instance_regroup(struct instances *all, unsigned int k, bool others)
{
	const struct haproxy_plan *h = &all->c->haproxy;
	bool joined = haproxy_listeners_joined(all->listeners, k);
	struct error err = { 0 };

	if (joined && others && instance_idles(&all->one[k])) {
		log_warning("instance %u leaves the listening group: the others take its "
			    "%u waiting connections and what is new",
			    k, haproxy_listeners_queued(all->listeners, k));
		if (haproxy_listeners_leave(all->listeners, h, k, &err) < 0)
			log_error("%s", err.msg);
	} else if (!joined && all->one[k].state != INSTANCE_DOWN && !all->one[k].silent) {
		log_info("instance %u is in the listening group again", k);
		if (haproxy_listeners_join(all->listeners, h, k, &err) < 0)
			log_error("%s", err.msg);
		/* Where it met the shut socket, HAProxy paused it: this resumes. */
		if (all->one[k].state == INSTANCE_RUNNING)
			kill(all->one[k].pid, SIGTTIN);
	}
}

static void instances_watch(struct instances *all)
{
	for (unsigned int k = 0; k < all->n; k++) {
		if (all->one[k].state == INSTANCE_DOWN)
			continue;
		instance_ask(all, k);
		instance_judge(all, k);
	}
	for (unsigned int k = 0; k < all->n; k++)
		instance_regroup(all, k, instances_well(all) > 0);
}

void instances_tick(struct instances *all)
{
	struct error err = { 0 };

	instances_reap(all);
	instances_watch(all);
	for (unsigned int k = 0; k < all->n; k++) {
		struct instance *i = &all->one[k];

		if (i->state != INSTANCE_DOWN || now_ms() < i->next_ms)
			continue;
		i->restarts++;
		if (instance_start(all, k, &err) < 0) {
			log_error("%s", err.msg);
			instance_back_off(i);
		} else {
			log_info("instance %u restarted (restart %u, pid %d)", k,
				 i->restarts, (int)i->pid);
		}
	}
}

static long long instance_due(const struct instance *i, long long now)
{
	if (i->state == INSTANCE_DOWN)
		return i->next_ms - now;
	if (i->state == INSTANCE_STARTING || i->silent)
		return POLL_MS;
	return i->ask_fd >= 0 ? ASK_AGAIN_MS : i->ask_ms - now;
}

int instances_due_ms(const struct instances *all)
{
	long long due = ASK_MS, left, now = now_ms();

	for (unsigned int k = 0; k < all->n; k++) {
		left = instance_due(&all->one[k], now);
		due = left < due ? left : due;
	}
	return due < 0 ? 0 : (int)due;
}

unsigned int instances_well(const struct instances *all)
{
	unsigned int well = 0;

	for (unsigned int k = 0; k < all->n; k++)
		well += all->one[k].state == INSTANCE_RUNNING && !all->one[k].silent;
	return well;
}

static const char *instance_state_name(const struct instance *i)
{
	return i->silent ? "not-answering" : state_names[i->state];
}

void instances_summary(const struct instances *all, char *text, size_t size)
{
	unsigned int well = instances_well(all);
	size_t at =
		(size_t)snprintf(text, size, "%u of %u instances serve", well, all->n);

	for (unsigned int k = 0; k < all->n && at < size; k++) {
		const struct instance *i = &all->one[k];
		bool died = i->state == INSTANCE_DOWN && i->last_end[0];

		if (i->state != INSTANCE_RUNNING || i->silent)
			at += (size_t)snprintf(
				text + at, size - at, "; instance %u %s", k,
				died ? i->last_end : instance_state_name(i));
	}
}

static unsigned int instances_alive(const struct instances *all)
{
	unsigned int alive = 0;

	for (unsigned int k = 0; k < all->n; k++)
		alive += all->one[k].pid > 0;
	return alive;
}

static void instances_signal(const struct instances *all, int signal)
{
	for (unsigned int k = 0; k < all->n; k++) {
		if (all->one[k].pid > 0)
			kill(all->one[k].pid, signal);
	}
}

void instances_stop(struct instances *all, unsigned int grace_ms)
{
	long long end = now_ms() + grace_ms;
	struct timespec nap = { .tv_nsec = 2000000 };
	bool killed = false;
	pid_t pid;

	instances_signal(all, SIGTERM);
	instances_signal(all, SIGCONT);
	while (instances_alive(all)) {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
			for (unsigned int k = 0; k < all->n; k++) {
				if (all->one[k].pid == pid)
					all->one[k].pid = 0;
			}
		}
		if (now_ms() > end && !killed) {
			instances_signal(all, SIGKILL);
			killed = true;
		}
		nanosleep(&nap, NULL);
	}
}

json_t *instances_describe(const struct instances *all)
{
	json_t *list = json_array();

	for (unsigned int k = 0; k < all->n; k++) {
		const struct instance *i = &all->one[k];

		json_array_append_new(
			list,
			json_pack("{s:i,s:i,s:i,s:s,s:i,s:i,s:s}", "instance", (int)k,
				  "pid", (int)i->pid, "cpu", (int)all->c->haproxy.cpu[k],
				  "state", instance_state_name(i), "restarts",
				  (int)i->restarts, "queued",
				  (int)haproxy_listeners_queued(all->listeners, k),
				  "last_end", i->last_end));
	}
	return list;
}
