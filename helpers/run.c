/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns running another program: its three streams are memory, so nothing can block. */
#include "helpers/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "helpers/cleanup.h"

#define ENVIRONMENT_MAX 16
#define GRACE_MS        5000 /* between SIGTERM and SIGKILL */

static const char *const run_environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
					       "LC_ALL=C", NULL };

static int run_find(const char *name, char *path, size_t size)
{
	static const char *const places[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

	if (strchr(name, '/')) {
		snprintf(path, size, "%s", name);
		return access(path, X_OK) ? -errno : 0;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, size, "%s/%s", places[i], name);
		if (!access(path, X_OK))
			return 0;
	}
	return -ENOENT;
}

static void run_collect(int fd, struct text *out)
{
	char part[4096];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, part, sizeof(part))) > 0)
		text_add(out, "%.*s", (int)n, part);
}

static int run_spawn(const char *path, const char *const argv[], const int fd[3],
		     const char *const environment[], bool group, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(
		&attributes,
		(short)(POSIX_SPAWN_SETSIGMASK | (group ? POSIX_SPAWN_SETPGROUP : 0)));
	posix_spawn_file_actions_init(&files);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&files, fd[i], i);
	r = posix_spawn(pid, path, &files, &attributes, (char *const *)(uintptr_t)argv,
			(char *const *)(uintptr_t)environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return r;
}

static int run_failed(const char *name, int status, int fd, struct error *err)
{
	_cleanup_text_ struct text words = { 0 };

	run_collect(fd, &words);
	if (WIFSIGNALED(status))
		return error_say(err, EPROTO, "%s was killed by signal %d", name,
				 WTERMSIG(status));
	if (!words.length)
		return error_say(err, EPROTO, "%s exited with status %d", name,
				 WEXITSTATUS(status));
	words.text[strcspn(words.text, "\n")] = '\0';
	return error_say(err, EPROTO, "%s says: %.800s", name, words.text);
}

int run_program(const char *const argv[], const char *input, struct text *out,
		struct error *err)
{
	_cleanup_close_ int in = memfd_create("in", MFD_CLOEXEC);
	_cleanup_close_ int from = memfd_create("out", MFD_CLOEXEC);
	_cleanup_close_ int words = memfd_create("err", MFD_CLOEXEC);
	size_t n = input ? strlen(input) : 0;
	const int fd[3] = { in, from, words };
	char path[256];
	pid_t pid;
	int status, r;

	if (in < 0 || from < 0 || words < 0)
		return error_set(err, errno, "make memory files for %s", argv[0]);
	if (n && write(in, input, n) != (ssize_t)n)
		return error_set(err, errno, "write the input of %s", argv[0]);
	lseek(in, 0, SEEK_SET);
	if (run_find(argv[0], path, sizeof(path)) < 0)
		return error_set(err, ENOENT, "run %s", argv[0]);
	r = run_spawn(path, argv, fd, run_environment, false, &pid);
	if (r)
		return error_set(err, r, "run %s", path);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_set(err, errno, "wait for %s", argv[0]);
	}
	if (status)
		return run_failed(argv[0], status, words, err);
	if (out)
		run_collect(from, out);
	return 0;
}

/* Waits for the process's end, a word on `cancel`, or the time: 0 or -errno. */
static int run_watch(int process, int cancel, unsigned int seconds)
{
	struct pollfd fds[2] = { { .fd = process, .events = POLLIN },
				 { .fd = cancel, .events = POLLIN } };
	int timeout = seconds && seconds < INT_MAX / 1000 ? (int)seconds * 1000 : -1;
	int r;

	do
		r = poll(fds, 2, timeout);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (!r)
		return -ETIMEDOUT;
	return fds[0].revents ? 0 : -ECANCELED;
}

static void run_end(pid_t group, int process)
{
	struct pollfd fd = { .fd = process, .events = POLLIN };

	kill(-group, SIGTERM);
	poll(&fd, 1, GRACE_MS);
	kill(-group, SIGKILL);
}

static int run_wait(const char *name, pid_t pid, const struct run_limits *limits,
		    int *status, struct error *err)
{
	_cleanup_close_ int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int r = process < 0 ? -errno
			    : run_watch(process, limits->cancel, limits->seconds);

	if (r < 0)
		run_end(pid, process);
	while (waitpid(pid, status, 0) < 0) {
		if (errno != EINTR)
			return error_set(err, errno, "wait for %s", name);
	}
	if (r == -ECANCELED)
		return error_say(err, ECANCELED, "%s was interrupted", name);
	if (r == -ETIMEDOUT)
		return error_say(err, ETIMEDOUT, "%s did not end within %u s", name,
				 limits->seconds);
	return r < 0 ? error_set(err, -r, "watch %s", name) : 0;
}

int run_program_within(const char *const argv[], const struct run_limits *limits,
		       struct text *out, struct error *err)
{
	_cleanup_close_ int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int from = memfd_create("out", MFD_CLOEXEC);
	_cleanup_close_ int words = memfd_create("err", MFD_CLOEXEC);
	const char *environment[ENVIRONMENT_MAX + 3] = { run_environment[0],
							 run_environment[1] };
	const int fd[3] = { in, from, words };
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	char path[PATH_MAX];
	int status = 0, r;
	pid_t pid;

	for (size_t i = 0; limits->environment && limits->environment[i]; i++) {
		if (i == ENVIRONMENT_MAX)
			return error_set(err, E2BIG, "give %s its environment", name);
		environment[i + 2] = limits->environment[i];
	}
	if (in < 0 || from < 0 || words < 0)
		return error_set(err, errno, "make memory files for %s", name);
	r = run_find(argv[0], path, sizeof(path));
	if (r < 0)
		return error_set(err, -r, "run %s", argv[0]);
	r = run_spawn(path, argv, fd, environment, true, &pid);
	if (r)
		return error_set(err, r, "run %s", path);
	r = run_wait(name, pid, limits, &status, err);
	if (out)
		run_collect(from, out);
	return !r && status ? run_failed(name, status, words, err) : r;
}
