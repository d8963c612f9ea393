/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what is told of, and done about, a supervisor that lives and does not answer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "deploy/state.h"
#include "deploy/supervisor.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

/* One that was found silent. Times are milliseconds of the monotonic clock. */
struct mute {
	const char *name;
	int dirfd, pidfd;
	pid_t pid;
	long long since_ms, stopped_ms; /* 0: it is not stopped */
};

static long long mute_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void mute_read(pid_t pid, const char *file, char *buf, size_t size)
{
	_cleanup_free_ char *path = memory_printf("/proc/%d/%s", (int)pid, file);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	buf[n < 0 ? 0 : n] = '\0';
}

/* The letter behind the name, which may itself have a ')'. '?': it cannot be read. */
static char mute_state(pid_t pid)
{
	char stat[256];
	const char *end;

	mute_read(pid, "stat", stat, sizeof(stat));
	end = strrchr(stat, ')');
	return end && end[1] == ' ' && end[2] ? end[2] : '?';
}

static bool mute_stopped(char state)
{
	return state == 'T' || state == 't';
}

void supervisor_process(pid_t pid, struct text *out)
{
	char state = mute_state(pid), where[64];

	switch (state) {
	case 'T':
		text_add(out, "it is stopped (state T)");
		return;
	case 't':
		text_add(out, "it is stopped by who traces it (state t)");
		return;
	case 'D':
		mute_read(pid, "wchan", where, sizeof(where));
		text_add(out,
			 "it waits in the kernel, in %s (state D; see /proc/%d/stack)",
			 where[0] && strcmp(where, "0") ? where : "a place unknown",
			 (int)pid);
		return;
	case 'R':
		text_add(out, "it runs, or waits for a CPU (state R)");
		return;
	case 'S':
		text_add(out, "it sleeps (state S)");
		return;
	default:
		text_add(out, "its state is %c", state);
	}
}

static void mute_mend(pid_t pid, struct text *out)
{
	char state = mute_state(pid);

	if (state == 'T')
		text_add(out, "`kill -CONT %d` lets it go on, or ", (int)pid);
	text_add(out,
		 "`hapep up` starts another in its place if it is silent for %d s: its "
		 "instances end, and the connections that they carry",
		 (mute_stopped(state) ? SUPERVISOR_STOPPED_MS : SUPERVISOR_MUTE_MS) /
			 1000);
}

void supervisor_mute(const char *name, struct text *out, struct text *mend)
{
	_cleanup_close_ int dirfd = state_open(name, false, false, &(struct error){ 0 });
	pid_t pid = dirfd < 0 ? 0 : state_supervisor(dirfd);

	if (!pid)
		return;
	text_add(out, "the supervisor (pid %d) is there but does not answer: ", (int)pid);
	supervisor_process(pid, out);
	if (mend)
		mute_mend(pid, mend);
}

/* The process that holds the pid file, and no other that has its pid later. */
static bool mute_find(struct mute *m)
{
	m->pid = state_supervisor(m->dirfd);
	if (!m->pid)
		return false;
	m->pidfd = (int)syscall(SYS_pidfd_open, m->pid, 0);
	return m->pidfd >= 0 && state_supervisor(m->dirfd) == m->pid;
}

/* Takes as long as a question may where there is no answer. */
static bool mute_silent(const struct mute *m)
{
	json_t *all = NULL;
	int r = supervisor_query(m->name, &all, &(struct error){ 0 });

	json_decref(all);
	return r == -ETIMEDOUT;
}

/* How long it is still given, by what it is found to be now. */
static long long mute_left_ms(struct mute *m)
{
	long long now = mute_clock_ms(), left = m->since_ms + SUPERVISOR_MUTE_MS - now;
	long long stopped;

	if (!mute_stopped(mute_state(m->pid))) {
		m->stopped_ms = 0;
		return left;
	}
	if (!m->stopped_ms)
		m->stopped_ms = now;
	stopped = m->stopped_ms + SUPERVISOR_STOPPED_MS - now;
	return stopped < left ? stopped : left;
}

static void mute_tell(const struct mute *m, long long left_ms)
{
	_cleanup_text_ struct text how = { 0 };

	supervisor_mute(m->name, &how, NULL);
	if (how.length)
		log_warning("%s: if it is silent for another %lld s it is replaced",
			    how.text, (left_ms + 999) / 1000);
}

/* True once it has been silent for so long; false: it answers, or is gone. */
static bool mute_lasts(struct mute *m)
{
	bool told = false;
	long long left;

	m->since_ms = mute_clock_ms();
	mute_left_ms(m);
	while (mute_silent(m)) {
		left = mute_left_ms(m);
		if (left <= 0)
			return true;
		if (!told)
			mute_tell(m, left);
		told = true;
	}
	if (told)
		log_info("the supervisor (pid %d) is silent no more", (int)m->pid);
	return false;
}

static int mute_kill(const struct mute *m, struct error *err)
{
	struct pollfd p = { .fd = m->pidfd, .events = POLLIN };
	_cleanup_text_ struct text how = { 0 };

	supervisor_process(m->pid, &how);
	log_warning(
		"the supervisor (pid %d) has not answered for %.1f s, %s: killing it, "
		"to start another",
		(int)m->pid, (double)(mute_clock_ms() - m->since_ms) / 1000, how.text);
	if (syscall(SYS_pidfd_send_signal, m->pidfd, SIGKILL, NULL, 0) < 0 &&
	    errno != ESRCH)
		return error_set(err, errno, "kill the supervisor (pid %d)", (int)m->pid);
	if (poll(&p, 1, SUPERVISOR_END_MS) > 0)
		return 0;
	text_free(&how);
	supervisor_process(m->pid, &how);
	return error_say(err, ETIMEDOUT,
			 "the supervisor (pid %d) does not answer and, killed, does not "
			 "end within %d s: %s; nothing else was changed: run `hapep up` "
			 "again once it has ended, and restart the machine if it never "
			 "does",
			 (int)m->pid, SUPERVISOR_END_MS / 1000, how.text);
}

int supervisor_replace(const char *name, struct error *err)
{
	struct mute m = { .name = name, .pidfd = -1 };
	int r = 0;

	m.dirfd = state_open(name, false, false, err);
	if (m.dirfd < 0)
		return m.dirfd;
	if (mute_find(&m) && mute_lasts(&m) && state_supervisor(m.dirfd) == m.pid)
		r = mute_kill(&m, err);
	cleanup_close(&m.pidfd);
	cleanup_close(&m.dirfd);
	return r;
}
