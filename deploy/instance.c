/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the life of one HAProxy instance: start, death, back-off, end. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deploy/instance.h"
#include "deploy/state.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"

#define BACKOFF_FIRST_MS  100
#define BACKOFF_MOST_MS   10000
#define BACKOFF_FORGET_MS 30000 /* an instance that lived this long starts afresh */
#define POLL_MS           20    /* while an instance is starting or not answering */
#define REST_MS           200   /* nothing is due */
#define LEAVE_BACKOFF_MS  200   /* down for longer: nothing shall queue for it */

static const char *const state_names[] = { "backing-off", "starting", "running",
					   "finishing", "ended" };

long long instance_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void instances_file(const struct instances *all, const char *format, unsigned int k,
		    char file[INSTANCE_FILE_SIZE])
{
	char which[32];

	if (all->present)
		snprintf(which, sizeof(which), "%u", k);
	else
		snprintf(which, sizeof(which), "%u.%u", all->generation, k);
	snprintf(file, INSTANCE_FILE_SIZE, "%s.%s%s", format, which,
		 strcmp(format, INSTANCE_CONFIG) ? "" : ".cfg");
}

void instance_path(const struct instances *all, const char *format, unsigned int k,
		   char *path, size_t size)
{
	char file[INSTANCE_FILE_SIZE];

	instances_file(all, format, k, file);
	snprintf(path, size, STATE_ROOT "/%s/%s", all->c->name, file);
}

const char *instance_name(const struct instances *all, unsigned int k, char name[48])
{
	if (all->generation > 1)
		snprintf(name, 48, "instance %u of generation %u", k, all->generation);
	else
		snprintf(name, 48, "instance %u", k);
	return name;
}

void instance_ask_no_more(struct instance *i)
{
	question_drop(&i->life);
	question_drop(&i->proxy);
	i->silent = i->stuck = false;
}

/* HAProxy listens on what does not listen: better we do, and know the group's order. */
int instance_start(struct instances *all, unsigned int k, struct error *err)
{
	struct instance *i = &all->one[k];
	char name[48];
	int r;

	if (!haproxy_listeners_joined(all->listeners, k))
		all->regrouped = true;
	r = haproxy_listeners_join(all->listeners, k, err);
	if (!r)
		r = haproxy_instance_start(&all->c->haproxy, &all->c->version, k,
					   all->listeners, all->nsfd, i->stats_fd,
					   i->probe_fd, STDERR_FILENO, &i->pid, err);
	if (r < 0)
		return error_wrap(err, "start %s", instance_name(all, k, name));
	i->state = INSTANCE_STARTING;
	i->since_ms = instance_clock_ms();
	return 0;
}

void instance_back_off(struct instance *i)
{
	long long lived = instance_clock_ms() - i->since_ms;

	if (lived > BACKOFF_FORGET_MS || !i->backoff_ms)
		i->backoff_ms = BACKOFF_FIRST_MS;
	else if (i->backoff_ms < BACKOFF_MOST_MS)
		i->backoff_ms = i->backoff_ms * 2 < BACKOFF_MOST_MS ? i->backoff_ms * 2
								    : BACKOFF_MOST_MS;
	i->state = INSTANCE_DOWN;
	i->pid = 0;
	instance_ask_no_more(i);
	i->next_ms = instance_clock_ms() + i->backoff_ms;
}

static void instance_ended(struct instances *all, unsigned int k, bool well)
{
	struct instance *i = &all->one[k];
	char name[48];

	if (well)
		log_info("%s (pid %d) had its last connection, and ended",
			 instance_name(all, k, name), (int)i->pid);
	else
		log_warning("%s (pid %d), which was to end with its last connection, %s",
			    instance_name(all, k, name), (int)i->pid, i->last_end);
	i->state = INSTANCE_OVER;
	i->pid = 0;
}

void instance_died(struct instances *all, unsigned int k, int status)
{
	struct instance *i = &all->one[k];
	pid_t pid = i->pid;
	char name[48];

	if (WIFSIGNALED(status))
		snprintf(i->last_end, sizeof(i->last_end), "killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(i->last_end, sizeof(i->last_end), "exited with status %d",
			 WEXITSTATUS(status));
	if (i->state == INSTANCE_FINISHING) {
		instance_ended(all, k, WIFEXITED(status));
		return;
	}
	instance_back_off(i);
	log_warning("%s (pid %d, CPU %u) %s; its connections are lost, new ones "
		    "queue; restart in %u ms",
		    instance_name(all, k, name), (int)pid, all->c->haproxy.cpu[k],
		    i->last_end, i->backoff_ms);
}

/* SIGUSR1: it closes its listening sockets, which stay open here, and its stats. */
void instance_finish(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];

	instance_ask_no_more(i);
	if (!i->pid) {
		i->state = INSTANCE_OVER;
		return;
	}
	i->state = INSTANCE_FINISHING;
	kill(i->pid, SIGUSR1);
	kill(i->pid, SIGCONT);
}

/* A connection has two sockets, the client's and the server's. */
unsigned int instance_connections(const struct instance *i)
{
	char path[64], to[32];
	unsigned int sockets = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)i->pid);
	dir = i->pid ? opendir(path) : NULL;
	while (dir && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, to, sizeof(to) - 1);

		sockets += n > 7 && !memcmp(to, "socket:", 7);
	}
	if (dir)
		closedir(dir);
	return (sockets + 1) / 2;
}

bool instance_serves(const struct instance *i)
{
	return i->state == INSTANCE_RUNNING && !i->silent && !i->stuck;
}

/* Whether nothing new shall go to it, if others are there to take it. */
bool instance_idles(const struct instance *i)
{
	return i->silent || i->stuck ||
	       (i->state == INSTANCE_DOWN && i->backoff_ms > LEAVE_BACKOFF_MS);
}

long long instance_due(const struct instance *i, long long now)
{
	long long life, proxy;

	if (i->state == INSTANCE_DOWN)
		return i->next_ms - now;
	if (i->state == INSTANCE_FINISHING || i->state == INSTANCE_OVER)
		return REST_MS;
	if (i->state == INSTANCE_STARTING || i->silent)
		return POLL_MS;
	life = question_due(&i->life, now);
	proxy = question_due(&i->proxy, now);
	return life < proxy ? life : proxy;
}

const char *instance_state_name(const struct instance *i)
{
	return i->silent  ? "not-answering"
	       : i->stuck ? "not-proxying"
			  : state_names[i->state];
}
