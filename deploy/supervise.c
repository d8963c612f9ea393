/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the supervisor's process: its set-up, its loop, its end. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "deploy/blade.h"
#include "deploy/change.h"
#include "deploy/gate.h"
#include "deploy/generations.h"
#include "deploy/notify.h"
#include "deploy/state.h"
#include "deploy/succession.h"
#include "deploy/supervise.h"
#include "deploy/supervisor.h"
#include "helpers/cleanup.h"
#include "helpers/local.h"
#include "helpers/log.h"
#include "helpers/namespace.h"

#define LOG_MOST   1048576 /* bytes */
#define DOWN_TRIES 300     /* 100 ms apart */

struct supervisor {
	const struct step_context *c; /* of the first generation */
	int dirfd, nsfd, signal_fd, control_fd, pid_fd;
	struct generations *generations;
	struct succession *succession;
	struct gate *gate;
	bool settled; /* nothing is left to do for generations that went */
	struct notify notify;
};

/* A process of its own: no terminal, no lock, no descriptor of `up` but the pipe. */
static int supervise_detach(struct supervisor *s, int ready_fd, struct error *err)
{
	int null, log;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	if (ready_fd > 3)
		close_range(3, (unsigned int)ready_fd - 1, 0);
	close_range((unsigned int)ready_fd + 1, ~0U, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	s->dirfd = state_open(s->c->name, false, false, err);
	if (s->dirfd < 0)
		return s->dirfd;
	log = openat(s->dirfd, SUPERVISOR_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
		     0600);
	if (null < 0 || log < 0)
		return error_set(err, errno, "open the supervisor's log");
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	close(null);
	close(log);
	log_set_timestamps(true);
	log_set_level(LOG_LEVEL_INFO);
	if (chdir("/") < 0)
		return error_set(err, errno, "change to /");
	return 0;
}

static int supervise_signals(struct supervisor *s, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? error_set(err, errno, "open a signalfd") : 0;
}

/*
 * What there may be: it holds the listening sockets of every generation. Each instance
 * gets its own limit, which may be higher than this process may have now.
 */
static int supervise_limits(const struct step_context *c, struct error *err)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < c->haproxy.fd_limit)
		limit.rlim_max = c->haproxy.fd_limit;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_set(err, errno, "raise the descriptor limit to %u",
				 c->haproxy.fd_limit);
	return 0;
}

static int supervise_open(struct supervisor *s, struct error *err)
{
	int r;

	s->pid_fd = state_supervisor_hold(s->dirfd, err);
	if (s->pid_fd < 0)
		return s->pid_fd;
	r = supervise_signals(s, err);
	if (!r)
		r = supervise_limits(s->c, err);
	if (r < 0)
		return r;
	s->nsfd = namespace_open(s->c->name, err);
	if (s->nsfd < 0)
		return s->nsfd;
	r = gate_open(s->c, s->nsfd, s->dirfd, &s->gate, err);
	if (r < 0)
		return r;
	r = generations_open(s->nsfd, s->dirfd, &s->generations, err);
	if (r < 0)
		return r;
	r = succession_open(s->c->name, s->dirfd, s->generations, &s->succession, err);
	if (r < 0)
		return r;
	s->control_fd =
		local_listen(s->dirfd, SUPERVISOR_CONTROL, SOCK_STREAM, "control", err);
	return s->control_fd < 0 ? s->control_fd : 0;
}

/* Whoever connects gets what `hapep status` wants to know, and the end of it. */
static void supervise_answer(const struct supervisor *s)
{
	_cleanup_close_ int fd = accept4(s->control_fd, NULL, NULL, SOCK_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	json_t *all, *change;

	if (fd < 0)
		return;
	all = generations_describe(s->generations);
	json_object_set_new(all, "gate", gate_describe(s->gate));
	change = succession_describe(s->succession);
	if (change)
		json_object_set_new(all, "change", change);
	text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	if (text && send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		log_warning("answer on the control socket: %s", strerror(errno));
}

/* The signal that ends the loop, or 0. */
static int supervise_signal(const struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD || info.ssi_signo == SIGHUP)
			continue;
		log_info("signal %u from pid %u: ending the instances", info.ssi_signo,
			 info.ssi_pid);
		return (int)info.ssi_signo;
	}
	return 0;
}

/*
 * The instances write to the log themselves, a line for each of some odd connections:
 * strangers must not be able to fill /run. Past the bound it starts afresh.
 */
static void supervise_bound_log(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) || st.st_size < LOG_MOST)
		return;
	if (!ftruncate(STDERR_FILENO, 0))
		log_warning("the log had %lld bytes and starts afresh",
			    (long long)st.st_size);
}

/* Until an instance or the gate is to be looked at. */
static int supervise_wait_ms(const struct supervisor *s)
{
	int due = generations_due_ms(s->generations);

	return due < GATE_BEAT_MS / 2 ? due : GATE_BEAT_MS / 2;
}

/* Once the last former generation went, and whoever made the change is done. */
static void supervise_settle(struct supervisor *s)
{
	struct error err = { 0 };
	int r;

	if (!generations_alone(s->generations))
		s->settled = false;
	else if (!s->settled) {
		r = change_settle(s->c->name, &err);
		s->settled = r != -EBUSY;
		if (r < 0 && r != -EBUSY)
			log_warning("forget the ports that left: %s", err.msg);
	}
}

static void supervise_tick(struct supervisor *s)
{
	char status[sizeof(s->notify.said)];

	generations_tick(s->generations);
	succession_tick(s->succession);
	gate_tick(s->gate, s->generations);
	supervise_settle(s);
	gate_summary(s->gate, status, sizeof(status));
	notify_turn(&s->notify, status, generations_open_change(s->generations));
}

static int supervise_loop(struct supervisor *s)
{
	struct succession_fds change;
	int end = 0;

	while (!end) {
		change = succession_fds(s->succession);
		struct pollfd fds[] = {
			{ .fd = s->signal_fd, .events = POLLIN },
			{ .fd = s->control_fd, .events = POLLIN },
			{ .fd = change.listening, .events = POLLIN },
			{ .fd = change.open, .events = POLLIN },
		};

		supervise_bound_log();
		if (poll(fds, 4, supervise_wait_ms(s)) < 0 && errno != EINTR)
			log_error("poll: %s", strerror(errno));
		end = supervise_signal(s);
		if (fds[1].revents & POLLIN)
			supervise_answer(s);
		if (!end)
			supervise_tick(s);
	}
	return end;
}

static void supervise_close(struct supervisor *s)
{
	/* What another supervisor, if there is one, listens on is not ours to remove. */
	if (s->control_fd >= 0)
		unlinkat(s->dirfd, SUPERVISOR_CONTROL, 0);
	if (s->succession)
		unlinkat(s->dirfd, SUPERVISOR_CHANGE, 0);
	gate_close(s->gate);
	succession_close(s->succession);
	generations_close(s->generations);
	cleanup_close(&s->nsfd);
}

/* The one who waits for us may be gone: then nobody wants the blade. */
static bool supervise_report(int ready_fd, const char *sentence)
{
	size_t n = strlen(sentence);

	return send(ready_fd, sentence, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void supervise_progress(int ready_fd, unsigned int running, unsigned int n)
{
	char word[64];

	snprintf(word, sizeof(word), SUPERVISOR_PROGRESS "%u of %u", running, n);
	supervise_report(ready_fd, word);
}

/* The first generation, before anybody may ask or change anything. */
static int supervise_first(struct supervisor *s, int ready_fd, struct error *err)
{
	const struct timespec nap = { .tv_nsec = 5000000 };
	int r = generations_prepare(s->generations, s->c, err);
	unsigned int running, told = 0, n;

	while (!r) {
		generations_tick(s->generations);
		r = generations_ready(s->generations, &running, &n, err);
		if (!r && running > told)
			supervise_progress(ready_fd, running, n);
		told = running;
		nanosleep(&nap, NULL);
	}
	return r < 0 ? r : generations_commit(s->generations, err);
}

/* Without instances the redirects lead nowhere: wait for whoever works on the blade. */
static int supervise_down(const char *name, struct error *err)
{
	struct timespec nap = { .tv_nsec = 100000000 };
	int r = -EBUSY;

	for (int i = 0; i < DOWN_TRIES && r == -EBUSY; i++) {
		if (i)
			nanosleep(&nap, NULL);
		r = blade_down(name, NULL, err);
	}
	return r;
}

void supervise_run(const struct step_context *c, int ready_fd)
{
	struct supervisor s = { c, -1, -1, -1, -1, -1, NULL, NULL, NULL, false, { 0 } };
	struct error err = { 0 };
	int r = supervise_detach(&s, ready_fd, &err), end;

	if (!r)
		r = supervise_open(&s, &err);
	if (!r)
		r = supervise_first(&s, ready_fd, &err);
	if (r < 0) {
		log_error("%s", err.msg);
		supervise_close(&s);
		supervise_report(ready_fd, err.msg);
		_exit(1);
	}
	gate_tick(s.gate, s.generations);
	prctl(PR_SET_PDEATHSIG, 0);
	if (!supervise_report(ready_fd, "ok")) {
		supervise_close(&s);
		_exit(1);
	}
	close(ready_fd);
	log_info("blade '%s' up: %u instances, supervisor pid %d", c->name,
		 haproxy_instances(&c->haproxy), (int)getpid());
	end = supervise_loop(&s);
	notify_stopping();
	supervise_close(&s);
	if (end != SIGUSR1 && supervise_down(c->name, &err) < 0)
		log_error("down: %s", err.msg);
	_exit(0);
}
