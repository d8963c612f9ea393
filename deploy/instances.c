/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the HAProxy instances as a set: who is started, grouped, counted, ended. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "deploy/instance.h"
#include "deploy/state.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

#define TICK_MS 200 /* at the latest */

static void instances_nap(long ms)
{
	const struct timespec nap = { .tv_nsec = ms * 1000000 };

	nanosleep(&nap, NULL);
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
			instance_ask(all, k);
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
	long long end = instance_clock_ms() + timeout_ms;
	unsigned int before = 0, running = 0;
	int r = 0;

	for (unsigned int k = 0; k < all->n && !r; k++)
		r = instance_start(all, k, err);
	while (!r && running < all->n) {
		instances_nap(5);
		r = instances_ask(all, err);
		running = instances_running(all);
		if (running > before) {
			end = instance_clock_ms() + timeout_ms;
			progress(running, all->n, arg);
		}
		before = running;
		if (!r && running < all->n && instance_clock_ms() > end)
			r = error_say(err, ETIMEDOUT,
				      "%u of %u instances answer, and for %u ms no other",
				      running, all->n, timeout_ms);
	}
	return r;
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
		all->regrouped = true;
	} else if (!joined && all->one[k].state != INSTANCE_DOWN && !all->one[k].silent) {
		log_info("instance %u is in the listening group again", k);
		if (haproxy_listeners_join(all->listeners, h, k, &err) < 0)
			log_error("%s", err.msg);
		/* Where it met the shut socket, HAProxy paused it: this resumes. */
		if (all->one[k].state == INSTANCE_RUNNING)
			kill(all->one[k].pid, SIGTTIN);
		all->regrouped = true;
	}
}

static void instances_watch(struct instances *all)
{
	for (unsigned int k = 0; k < all->n; k++)
		instance_watch(all, k);
	for (unsigned int k = 0; k < all->n; k++)
		instance_regroup(all, k, instances_well(all) > 0);
}

bool instances_regrouped(struct instances *all)
{
	bool was = all->regrouped;

	all->regrouped = false;
	return was;
}

void instances_tick(struct instances *all)
{
	struct error err = { 0 };

	instances_reap(all);
	instances_watch(all);
	for (unsigned int k = 0; k < all->n; k++) {
		struct instance *i = &all->one[k];

		if (i->state != INSTANCE_DOWN || instance_clock_ms() < i->next_ms)
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
	long long due = TICK_MS, left, now = instance_clock_ms();

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
	long long end = instance_clock_ms() + grace_ms;
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
		if (instance_clock_ms() > end && !killed) {
			instances_signal(all, SIGKILL);
			killed = true;
		}
		instances_nap(2);
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
