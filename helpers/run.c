/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns running another program: its three streams are memory, so nothing can block. */
#include "helpers/run.h"

#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "helpers/cleanup.h"

static const char *const run_environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
					       "LC_ALL=C", NULL };

static int run_find(const char *name, char *path, size_t size)
{
	static const char *const places[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

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
		     pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&files);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&files, fd[i], i);
	r = posix_spawn(pid, path, &files, &attributes, (char *const *)(uintptr_t)argv,
			(char *const *)(uintptr_t)run_environment);
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
	r = run_spawn(path, argv, fd, &pid);
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
