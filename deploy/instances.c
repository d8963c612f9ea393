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
#define POLL_MS           20    /* while an instance is starting */
#define START_ASK_MS      250   /* at the first start nothing else waits */

enum instance_state { INSTANCE_DOWN, INSTANCE_STARTING, INSTANCE_RUNNING };

static const char *const state_names[] = { "backing-off", "starting", "running" };

struct instance {
	enum instance_state state;
	pid_t pid;
	int stats_fd;
	unsigned int restarts, backoff_ms;
	long long since_ms, next_ms; /* on the monotonic clock */
	char last_end[96];           /* how it died the last time; empty: never */
};

struct instances {
	const struct step_context *c;
	const struct haproxy_listeners *listeners;
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

int instances_prepare(const struct step_context *c, const struct haproxy_listeners *l,
		      int nsfd, int dirfd, struct instances **out, struct error *err)
{
	unsigned int n = haproxy_instances(&c->haproxy);
	struct instances *all = memory_new(1, sizeof(*all) + n * sizeof(all->one[0]));
	int r = 0;

	*all = (struct instances){ .c = c, .listeners = l, .nsfd = nsfd, .n = n };
	for (unsigned int k = 0; k < n; k++)
		all->one[k].stats_fd = -1;
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
	for (unsigned int k = 0; k < all->n; k++)
		cleanup_close(&all->one[k].stats_fd);
	free(all);
}

static int instance_start(struct instances *all, unsigned int k, struct error *err)
{
	struct instance *i = &all->one[k];
	int r = haproxy_instance_start(&all->c->haproxy, &all->c->version, k,
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

/* Notes that a starting instance answers on its stats socket. */
static void instance_ask(struct instances *all, unsigned int k, unsigned int timeout_ms)
{
	struct instance *i = &all->one[k];
	struct haproxy_stats stats;
	struct error ignored;
	char path[128];

	instance_path(all, k, path, sizeof(path));
	if (haproxy_stats_read(path, timeout_ms, &stats, &ignored) < 0)
		return;
	i->state = INSTANCE_RUNNING;
	log_info("instance %u (pid %d, CPU %u) accepts, %lld ms after its start", k,
		 (int)i->pid, all->c->haproxy.cpu[k], now_ms() - i->since_ms);
}

static unsigned int instances_running(const struct instances *all)
{
	unsigned int running = 0;

	for (unsigned int k = 0; k < all->n; k++)
		running += all->one[k].state == INSTANCE_RUNNING;
	return running;
}

/* Asks those that are starting; -ECHILD where one died instead. */
static int instances_ask(struct instances *all, struct error *err)
{
	for (unsigned int k = 0; k < all->n; k++) {
		if (all->one[k].state == INSTANCE_STARTING)
			instance_ask(all, k, START_ASK_MS);
	}
	instances_reap(all);
	for (unsigned int k = 0; k < all->n; k++) {
		if (all->one[k].state == INSTANCE_DOWN)
			return error_say(err, ECHILD, "instance %u %s", k,
					 all->one[k].last_end);
	}
	return 0;
}

int instances_start(struct instances *all, unsigned int timeout_ms,
		    void (*progress)(unsigned int running, unsigned int n, void *arg),
		    void *arg, struct error *err)
{
	long long end = now_ms() + timeout_ms;
	unsigned int before = 0, running = 0;
	int r = 0;

	for (unsigned int k = 0; k < all->n && !r; k++)
		r = instance_start(all, k, err);
	while (!r && running < all->n) {
		r = instances_ask(all, err);
		running = instances_running(all);
		if (running > before) {
			end = now_ms() + timeout_ms;
			progress(running, all->n, arg);
		}
		before = running;
		if (!r && running < all->n && now_ms() > end)
			r = error_say(err, ETIMEDOUT,
				      "%u of %u instances answer, and for %u ms no other",
				      running, all->n, timeout_ms);
	}
	return r;
}

void instances_tick(struct instances *all)
{
	struct error err = { 0 };

	instances_reap(all);
	for (unsigned int k = 0; k < all->n; k++) {
		struct instance *i = &all->one[k];

		if (i->state == INSTANCE_STARTING)
			instance_ask(all, k, POLL_MS);
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

int instances_due_ms(const struct instances *all)
{
	long long due = -1, left;

	for (unsigned int k = 0; k < all->n; k++) {
		const struct instance *i = &all->one[k];

		if (i->state == INSTANCE_RUNNING)
			continue;
		left = i->state == INSTANCE_STARTING ? POLL_MS : i->next_ms - now_ms();
		left = left < 0 ? 0 : left;
		due = due < 0 || left < due ? left : due;
	}
	return (int)due;
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
				  "state", state_names[i->state], "restarts",
				  (int)i->restarts, "queued",
				  (int)haproxy_listeners_queued(all->listeners, k),
				  "last_end", i->last_end));
	}
	return list;
}
