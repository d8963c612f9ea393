/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the life of one HAProxy instance: start, questions, death, back-off. */
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
#define ASK_MS            200   /* from an answer to the next question */
#define ASK_AGAIN_MS      50    /* after a question that could not be put */
#define SILENT_MS         500   /* unanswered so long: it does not serve */
/*
 * What is more between two looks is the supervisor's own delay, or the machine's: no
 * answer could have been heard then, so the instance is not blamed for it.
 */
#define LOOK_MOST_MS 150
/*
 * Unanswered so long: it is killed. A stall of the machine's own (a frozen guest, a
 * stopped cgroup, 20 instances that start on few slow cores) is mostly shorter, and the
 * instance's connections outlive it then; nothing new goes to a silent one meanwhile.
 */
#define SILENT_KILL_MS       15000
#define SILENT_KILL_START_MS 60000
#define LEAVE_BACKOFF_MS     200 /* down for longer: nothing shall queue for it */

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
		 strcmp(format, INSTANCE_STATS) ? ".cfg" : "");
}

void instance_path(const struct instances *all, unsigned int k, char *path, size_t size)
{
	char file[INSTANCE_FILE_SIZE];

	instances_file(all, INSTANCE_STATS, k, file);
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

static void instance_ask_no_more(struct instance *i)
{
	cleanup_close(&i->ask_fd);
	i->ask_fd = -1;
	i->ask_ms = i->asked_ms = i->waited_ms = 0;
	i->silent = false;
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
					   STDERR_FILENO, &i->pid, err);
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

/* It answered: whatever it was, it serves now. */
static void instance_answered(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	long long now = instance_clock_ms();
	char name[48];

	if (i->state == INSTANCE_STARTING)
		log_info("%s (pid %d, CPU %u) accepts, %lld ms after its start",
			 instance_name(all, k, name), (int)i->pid, all->c->haproxy.cpu[k],
			 now - i->since_ms);
	else if (i->silent)
		log_info("%s (pid %d) answers again, after %lld ms",
			 instance_name(all, k, name), (int)i->pid, now - i->asked_ms);
	instance_ask_no_more(i);
	i->state = INSTANCE_RUNNING;
	i->ask_ms = now + ASK_MS;
}

/* One question at a time, so that a silent instance's queue does not fill with them. */
void instance_ask(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	long long now = instance_clock_ms();
	char path[128];
	int r;

	if (i->ask_fd < 0) {
		if (now < i->ask_ms)
			return;
		if (!i->asked_ms)
			i->asked_ms = i->looked_ms = now;
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

/* Starting many takes the cores, from those that are through with it too. */
static long long instance_patience(const struct instances *all)
{
	for (unsigned int k = 0; k < all->n; k++) {
		if (all->one[k].state == INSTANCE_STARTING)
			return SILENT_KILL_START_MS;
	}
	return SILENT_KILL_MS;
}

/* For how long an answer has been listened for in vain. */
static long long instance_waited(struct instance *i)
{
	long long now = instance_clock_ms(), since = now - i->looked_ms;

	i->looked_ms = now;
	if (i->asked_ms)
		i->waited_ms += since < LOOK_MOST_MS ? since : LOOK_MOST_MS;
	return i->waited_ms;
}

static void instance_judge(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	bool starting = i->state == INSTANCE_STARTING;
	long long silent_ms = instance_waited(i);
	char name[48];

	instance_name(all, k, name);
	if (!starting && !i->silent && silent_ms > SILENT_MS) {
		i->silent = true;
		log_warning("%s (pid %d, CPU %u) has not answered for %lld ms", name,
			    (int)i->pid, all->c->haproxy.cpu[k], silent_ms);
	}
	if (silent_ms > instance_patience(all)) {
		log_warning("%s (pid %d) has not answered for %lld ms: killing it", name,
			    (int)i->pid, silent_ms);
		kill(i->pid, SIGKILL);
		i->asked_ms = instance_clock_ms(); /* it takes a moment to die */
		i->waited_ms = 0;
	}
}

void instance_watch(struct instances *all, unsigned int k)
{
	enum instance_state is = all->one[k].state;

	if (is != INSTANCE_STARTING && is != INSTANCE_RUNNING)
		return;
	instance_ask(all, k);
	instance_judge(all, k);
}

/* Whether nothing new shall go to it, if others are there to take it. */
bool instance_idles(const struct instance *i)
{
	return i->silent ||
	       (i->state == INSTANCE_DOWN && i->backoff_ms > LEAVE_BACKOFF_MS);
}

long long instance_due(const struct instance *i, long long now)
{
	if (i->state == INSTANCE_DOWN)
		return i->next_ms - now;
	if (i->state == INSTANCE_FINISHING || i->state == INSTANCE_OVER)
		return ASK_MS;
	if (i->state == INSTANCE_STARTING || i->silent)
		return POLL_MS;
	return i->ask_fd >= 0 ? ASK_AGAIN_MS : i->ask_ms - now;
}

const char *instance_state_name(const struct instance *i)
{
	return i->silent ? "not-answering" : state_names[i->state];
}
