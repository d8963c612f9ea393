/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what other processes do with the supervisor: start it, ask it, end it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deploy/state.h"
#include "deploy/supervise.h"
#include "deploy/supervisor.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

#define ASK_TIMEOUT_MS 1000

void supervisor_describe(const struct step_context *c, struct text *out)
{
	const struct haproxy_plan *h = &c->haproxy;
	unsigned int n = haproxy_instances(h);
	char ports[512];

	text_line(out,
		  "# %u listening socket(s) in namespace %s on port %s, SO_REUSEPORT, "
		  "IP_TRANSPARENT, backlog %u",
		  h->processes, c->name, ports_format(&h->ports, ports, sizeof(ports)),
		  h->backlog);
	netns_guard_describe(&c->netns, out);
	if (c->config.scenario == SCENARIO_SK_LOOKUP)
		netns_lookup_describe(&c->netns, out);
	for (unsigned int k = 0; k < n; k++)
		text_line(out,
			  "ip netns exec %s taskset -c %u setpriv --reuid %s "
			  "--inh-caps +net_raw --ambient-caps +net_raw --no-new-privs %s "
			  "-f " STATE_ROOT "/%s/haproxy.%u.cfg",
			  c->name, h->cpu[k], h->user[0] ? h->user : "root", h->binary,
			  c->name, k);
}

int supervisor_record(const struct step_context *c, json_t **out, struct error *err)
{
	(void)err;
	*out = json_pack("{s:s}", "name", c->name);
	return 0;
}

/* Tells a person who waits longer than two seconds how far it is. */
static void supervisor_progress(const char *word, time_t *last)
{
	time_t now = time(NULL);

	if (!*last)
		*last = now;
	if (now - *last < 2)
		return;
	*last = now;
	log_info("instances that accept: %s", word + strlen(SUPERVISOR_PROGRESS));
}

/* The child's last word: "ok", an error's sentence, or nothing because it died. */
static int supervisor_await(int fd, pid_t pid, struct error *err)
{
	char word[ERROR_SIZE];
	time_t last = 0;
	int status = 0;
	ssize_t n;

	do {
		memset(word, 0, sizeof(word));
		n = recv(fd, word, sizeof(word) - 1, 0);
		if (!strcmp(word, "ok"))
			return 0;
		if (!strncmp(word, SUPERVISOR_PROGRESS, strlen(SUPERVISOR_PROGRESS)))
			supervisor_progress(word, &last);
		else if (n > 0)
			error_say(err, ECHILD, "%.1500s", word);
	} while (n > 0 && !err->msg[0]);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (n <= 0)
		error_say(err, ECHILD, "the supervisor died (%s %d) before it was ready",
			  WIFSIGNALED(status) ? "signal" : "status",
			  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return -err->code;
}

/* Its guard is on its namespace: none on ours is another namespace of the same name. */
static bool supervisor_elsewhere(const struct step_context *c)
{
	_cleanup_text_ struct text detail = { 0 };
	enum step_state guard = STEP_ABSENT;

	return !netns_guard_probe(&c->netns, &guard, &detail, &(struct error){ 0 }) &&
	       guard == STEP_ABSENT;
}

/* A change that nobody will decide on any more: what is wanted now is its end. */
static int supervisor_decide(const struct step_context *c, struct error *err)
{
	struct supervisor_change *change = NULL;
	json_t *all = NULL;
	const char *client;
	bool gone;
	int r = supervisor_query(c->name, &all, err);

	client = json_string_value(
		json_object_get(json_object_get(all, "change"), "client"));
	gone = client && !strcmp(client, "gone");
	json_decref(all);
	if (r == -ETIMEDOUT) {
		log_warning("%s just now: it is left as it is", err->msg);
		*err = (struct error){ 0 };
		return 0;
	}
	if (r < 0 || !gone) {
		log_info("the supervisor lives and mends its instances itself");
		return 0;
	}
	log_info("a change was left undone: starting instances as they are wanted now");
	r = supervisor_prepare(c, &change, err);
	return r < 0 ? r : supervisor_commit(change, err);
}

int supervisor_start(const struct step_context *c, struct error *err)
{
	_cleanup_close_ int dirfd = state_open(c->name, false, false, err);
	int ready[2];
	pid_t pid;
	int r;

	if (dirfd < 0)
		return dirfd;
	if (state_supervisor(dirfd) && supervisor_elsewhere(c)) {
		json_t *record = json_pack("{s:s}", "name", c->name);

		log_warning("the supervisor serves a namespace that was deleted: "
			    "starting another");
		r = supervisor_undo(record, err);
		json_decref(record);
		if (r < 0)
			return r;
	}
	if (state_supervisor(dirfd))
		return supervisor_decide(c, err);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ready) < 0)
		return error_set(err, errno, "make a socket pair");
	*err = (struct error){ 0 };
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		supervise_run(c, ready[1]);
	close(ready[1]);
	r = pid < 0 ? error_set(err, errno, "start the supervisor")
		    : supervisor_await(ready[0], pid, err);
	close(ready[0]);
	return r;
}

static int supervisor_silent(const char *name, struct error *err)
{
	return error_say(err, ETIMEDOUT, "the supervisor of '%s' does not answer", name);
}

/* SO_SNDTIMEO bounds connect() too: behind a stopped supervisor the queue may be full. */
static int supervisor_connect(const char *name, struct error *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = ASK_TIMEOUT_MS / 1000 };
	_cleanup_close_ int fd = -1;

	snprintf(to.sun_path, sizeof(to.sun_path), STATE_ROOT "/%s/" SUPERVISOR_CONTROL,
		 name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, errno, "open a socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return take_fd(fd);
	return errno == EAGAIN
		       ? supervisor_silent(name, err)
		       : error_set(err, ENOTCONN, "ask the supervisor of '%s'", name);
}

int supervisor_query(const char *name, json_t **out, struct error *err)
{
	_cleanup_close_ int fd = supervisor_connect(name, err);
	struct text answer = { 0 };
	char part[4096];
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = recv(fd, part, sizeof(part), 0)) > 0)
		text_add(&answer, "%.*s", (int)n, part);
	if (n < 0 && errno == EAGAIN) {
		text_free(&answer);
		return supervisor_silent(name, err);
	}
	*out = answer.text ? json_loads(answer.text, 0, NULL) : NULL;
	text_free(&answer);
	return *out ? 0 : error_say(err, EPROTO, "the supervisor gives no answer");
}

/* The supervisor's programs, by the kernel's word: whether all is as it should be. */
static bool supervisor_attached(const struct step_context *c, struct text *detail)
{
	struct error err = { 0 };
	enum step_state guard, lookup = STEP_PRESENT;
	int r = netns_guard_probe(&c->netns, &guard, detail, &err);

	if (!r && c->config.scenario == SCENARIO_SK_LOOKUP)
		r = netns_lookup_probe(&c->netns, &lookup, detail, &err);
	if (r < 0)
		text_add(detail, "%s", err.msg);
	return !r && guard == STEP_PRESENT && lookup == STEP_PRESENT;
}

int supervisor_probe(const struct step_context *c, enum step_state *state,
		     struct text *detail, struct error *err)
{
	json_t *all = NULL, *one;
	size_t i, bad = 0;
	const char *is;
	int r = supervisor_query(c->name, &all, &(struct error){ 0 });

	(void)err;
	*state = r == -ETIMEDOUT ? STEP_DIFFERS : STEP_ABSENT;
	if (r == -ETIMEDOUT)
		supervisor_mute(c->name, detail, NULL);
	if (r < 0)
		return 0;
	*state = STEP_PRESENT;
	json_array_foreach(json_object_get(all, "instances"), i, one)
	{
		is = json_string_value(json_object_get(one, "state"));
		if (is && !strcmp(is, "running"))
			continue;
		text_add(detail, "%sinstance %zu %s", bad++ ? "; " : "", i, is);
	}
	if (json_object_get(all, "change"))
		text_add(detail, "%sa change is under way, or was left undone",
			 bad++ ? "; " : "");
	json_decref(all);
	if (!supervisor_attached(c, detail) || bad)
		*state = STEP_DIFFERS;
	return 0;
}

/* Signals the process only if it still holds the pid file: never a reused pid. */
static int supervisor_signal(int dirfd, int signal, int *pidfd)
{
	pid_t pid = state_supervisor(dirfd);

	if (!pid)
		return 0;
	if (*pidfd < 0)
		*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*pidfd < 0 || state_supervisor(dirfd) != pid)
		return 0;
	syscall(SYS_pidfd_send_signal, *pidfd, signal, NULL, 0);
	return pid;
}

int supervisor_undo(const json_t *record, struct error *err)
{
	const char *name = json_string_value(json_object_get(record, "name"));
	_cleanup_text_ struct text how = { 0 };
	_cleanup_close_ int pidfd = -1, dirfd = -1;
	struct pollfd p = { .events = POLLIN };
	int pid;

	if (!name)
		return error_say(err, EBADMSG, "the journal's record lacks the name");
	dirfd = state_open(name, false, false, err);
	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : dirfd;
	pid = supervisor_signal(dirfd, SIGUSR1, &pidfd);
	if (!pid)
		return 0;
	supervisor_signal(dirfd, SIGCONT, &pidfd); /* stopped, it would not hear it */
	p.fd = pidfd;
	if (poll(&p, 1, SUPERVISOR_END_MS) > 0)
		return 0;
	log_warning("the supervisor (pid %d) does not end: killing it", pid);
	supervisor_signal(dirfd, SIGKILL, &pidfd);
	if (poll(&p, 1, SUPERVISOR_END_MS) > 0)
		return 0;
	supervisor_process(pid, &how);
	return error_say(err, ETIMEDOUT,
			 "the supervisor (pid %d), killed, does not end: %s", pid,
			 how.text);
}
