/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the HAProxy instances as a set: who is started, grouped, counted, ended. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deploy/gate.h"
#include "deploy/instance.h"
#include "deploy/state.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

#define TICK_MS         200 /* at the latest */
#define START_BUDGET_MS 100 /* starting takes some milliseconds each */

static const char *const instance_files[] = { INSTANCE_STATS, INSTANCE_PROBE,
					      INSTANCE_CONFIG };

#define INSTANCE_FILES (sizeof(instance_files) / sizeof(instance_files[0]))

static int instance_prepare(struct instances *all, unsigned int k, int dirfd,
			    struct error *err)
{
	struct text rendered = { 0 };
	char name[INSTANCE_FILE_SIZE];
	int r;

	instances_file(all, INSTANCE_STATS, k, name);
	r = haproxy_stats_listen(dirfd, name, err);
	if (r < 0)
		return r;
	all->one[k].stats_fd = r;
	instances_file(all, INSTANCE_PROBE, k, name);
	r = haproxy_probe_listen(dirfd, name, err);
	if (r < 0)
		return r;
	all->one[k].probe_fd = r;
	haproxy_render(&all->c->haproxy, &all->c->version, k, &rendered);
	instances_file(all, INSTANCE_CONFIG, k, name);
	r = state_write(dirfd, name, rendered.text, err);
	text_free(&rendered);
	return r;
}

int instances_prepare(const struct step_context *c, unsigned int generation,
		      struct haproxy_listeners *l, int nsfd, int dirfd,
		      struct instances **out, struct error *err)
{
	unsigned int n = haproxy_instances(&c->haproxy);
	struct instances *all = memory_new(1, sizeof(*all) + n * sizeof(all->one[0]));
	int r = 0;

	*all = (struct instances){
		.c = c, .generation = generation, .listeners = l, .nsfd = nsfd, .n = n
	};
	for (unsigned int k = 0; k < n; k++) {
		all->one[k].stats_fd = all->one[k].probe_fd = -1;
		question_init(&all->one[k].life, HAPROXY_PROBE_LIFE);
		question_init(&all->one[k].proxy, HAPROXY_PROBE_PROXY);
	}
	for (unsigned int k = 0; k < n && !r; k++)
		r = instance_prepare(all, k, dirfd, err);
	if (r < 0) {
		instances_free(all, dirfd);
		return r;
	}
	*out = all;
	return 0;
}

void instances_free(struct instances *all, int dirfd)
{
	char name[INSTANCE_FILE_SIZE];

	if (!all)
		return;
	for (unsigned int k = 0; k < all->n; k++) {
		cleanup_close(&all->one[k].stats_fd);
		cleanup_close(&all->one[k].probe_fd);
		instance_ask_no_more(&all->one[k]);
		for (size_t f = 0; f < INSTANCE_FILES; f++) {
			instances_file(all, instance_files[f], k, name);
			unlinkat(dirfd, name, 0);
		}
	}
	free(all);
}

static void instances_rename_one(const struct instances *from, const struct instances *to,
				 int dirfd, const char *format, unsigned int k)
{
	char old[INSTANCE_FILE_SIZE], new[INSTANCE_FILE_SIZE];

	instances_file(from, format, k, old);
	instances_file(to, format, k, new);
	if (strcmp(old, new) && renameat(dirfd, old, dirfd, new) < 0)
		log_warning("rename %s to %s: %s", old, new, strerror(errno));
}

void instances_rename(struct instances *all, int dirfd, bool present)
{
	struct instances was = *all;

	all->present = present;
	for (unsigned int k = 0; k < all->n; k++) {
		for (size_t f = 0; f < INSTANCE_FILES; f++)
			instances_rename_one(&was, all, dirfd, instance_files[f], k);
	}
}

bool instances_reaped(struct instances *all, pid_t pid, int status)
{
	for (unsigned int k = 0; k < all->n; k++) {
		if (all->one[k].pid != pid)
			continue;
		instance_died(all, k, status);
		return true;
	}
	return false;
}

int instances_starting(const struct instances *all, unsigned int *running,
		       struct error *err)
{
	char name[48];

	*running = 0;
	for (unsigned int k = 0; k < all->n; k++) {
		const struct instance *i = &all->one[k];

		*running += i->state == INSTANCE_RUNNING;
		if (i->state == INSTANCE_DOWN && i->last_end[0])
			return error_say(err, ECHILD, "%s %s",
					 instance_name(all, k, name), i->last_end);
	}
	return 0;
}

unsigned int instances_count(const struct instances *all)
{
	return all->n;
}

static void instance_regroup(struct instances *all, unsigned int k, bool others)
{
	struct instance *i = &all->one[k];
	bool joined = haproxy_listeners_joined(all->listeners, k);
	struct error err = { 0 };
	char name[48];
	int r = 0;

	if (joined && others && instance_idles(i) &&
	    !haproxy_listeners_shared(all->listeners, k)) {
		log_warning("%s leaves the listening group: the others take its %u "
			    "waiting connections and what is new",
			    instance_name(all, k, name),
			    haproxy_listeners_queued(all->listeners, k));
		r = haproxy_listeners_leave(all->listeners, k, &err);
		all->regrouped = true;
	} else if (!joined && instance_serves(i)) {
		log_info("%s is in the listening group again",
			 instance_name(all, k, name));
		r = haproxy_listeners_join(all->listeners, k, &err);
		/* Where it met the shut socket, HAProxy paused it: this resumes. */
		kill(i->pid, SIGTTIN);
		all->regrouped = true;
	}
	if (r < 0)
		log_error("%s", err.msg);
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

static void instance_due_start(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	bool again = i->since_ms != 0;
	struct error err = { 0 };
	char name[48];

	i->restarts += again;
	if (instance_start(all, k, &err) < 0) {
		log_error("%s", err.msg);
		snprintf(i->last_end, sizeof(i->last_end), "could not be started: %.60s",
			 err.msg);
		instance_back_off(i);
	} else if (again) {
		log_info("%s restarted (restart %u, pid %d)", instance_name(all, k, name),
			 i->restarts, (int)i->pid);
	}
}

void instances_tick(struct instances *all)
{
	long long start = instance_clock_ms();

	if (!all->listeners)
		return;
	instances_watch(all);
	for (unsigned int k = 0; k < all->n; k++) {
		const struct instance *i = &all->one[k];

		if (i->state == INSTANCE_DOWN && instance_clock_ms() >= i->next_ms &&
		    instance_clock_ms() - start < START_BUDGET_MS)
			instance_due_start(all, k);
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
		well += instance_serves(&all->one[k]);
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

		if (!instance_serves(i))
			at += (size_t)snprintf(
				text + at, size - at, "; instance %u %s", k,
				died ? i->last_end : instance_state_name(i));
	}
}

void instances_finish(struct instances *all)
{
	for (unsigned int k = 0; k < all->n; k++)
		instance_finish(all, k);
	all->listeners = NULL;
}

static unsigned int instances_alive(const struct instances *all)
{
	unsigned int alive = 0;

	for (unsigned int k = 0; k < all->n; k++)
		alive += all->one[k].pid > 0;
	return alive;
}

bool instances_over(const struct instances *all)
{
	return !all->listeners && !instances_alive(all);
}

static void instances_signal(const struct instances *all, int signal)
{
	for (unsigned int k = 0; k < all->n; k++) {
		if (all->one[k].pid > 0)
			kill(all->one[k].pid, signal);
	}
}

void instances_terminate(const struct instances *all)
{
	instances_signal(all, SIGTERM);
	instances_signal(all, SIGCONT);
}

void instances_stop(struct instances *all, unsigned int grace_ms)
{
	const struct timespec nap = { .tv_nsec = 2000000 };
	long long end = instance_clock_ms() + grace_ms;
	bool killed = false;

	instances_terminate(all);
	while (instances_alive(all)) {
		for (unsigned int k = 0; k < all->n; k++) {
			pid_t pid = all->one[k].pid;

			if (pid > 0 && waitpid(pid, NULL, WNOHANG) == pid)
				all->one[k].pid = 0;
		}
		if (instance_clock_ms() > end && !killed) {
			instances_signal(all, SIGKILL);
			killed = true;
		}
		nanosleep(&nap, NULL);
	}
}

static json_t *instance_describe(const struct instances *all, unsigned int k)
{
	const struct instance *i = &all->one[k];
	char file[INSTANCE_FILE_SIZE];
	json_t *o = json_pack(
		"{s:i,s:i,s:i,s:s,s:i,s:i,s:s}", "instance", (int)k, "pid", (int)i->pid,
		"cpu", (int)all->c->haproxy.cpu[k], "state", instance_state_name(i),
		"restarts", (int)i->restarts, "queued",
		all->listeners ? (int)haproxy_listeners_queued(all->listeners, k) : 0,
		"last_end", i->last_end);
	char since[32];

	if (i->silent || i->stuck) {
		json_object_set_new(o, "fault", json_string(i->fault));
		json_object_set_new(o, "fault_since",
				    json_string(gate_format_time(i->fault_ms, since)));
	}
	if (all->listeners) {
		instances_file(all, INSTANCE_STATS, k, file);
		json_object_set_new(o, "stats", json_string(file));
	} else {
		json_object_set_new(o, "connections",
				    json_integer(instance_connections(i)));
	}
	return o;
}

json_t *instances_describe(const struct instances *all)
{
	json_t *list = json_array();

	for (unsigned int k = 0; k < all->n; k++)
		json_array_append_new(list, instance_describe(all, k));
	return list;
}
