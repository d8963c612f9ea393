/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns who may work where: locks that end with their process, and what the dead left. */
#include "deploy/bench_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

#define LOCK_FILE ".lock"
/* One file for each lab, and for this machine's blade: "PID DIRECTORY". */
#define NAMES     "/run/hapep-bench"
#define WORDS_MAX 4200

static void lock_read(int fd, pid_t *holder, char *words, size_t size)
{
	char text[WORDS_MAX] = { 0 };
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	char *rest = text;
	long pid = n > 0 ? strtol(text, &rest, 10) : 0;

	*holder = (pid_t)pid;
	rest += *rest == ' ';
	rest[strcspn(rest, "\n")] = '\0';
	if (words)
		snprintf(words, size, "%s", rest);
}

static int lock_say(int fd, const char *path, const char *words, struct error *err)
{
	_cleanup_free_ char *text = memory_printf("%d %s\n", (int)getpid(), words);
	ssize_t n = (ssize_t)strlen(text);

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n)
		return error_set(err, errno, "write %s", path);
	return 0;
}

int bench_lock(const char *path, const char *words, pid_t *holder, struct error *err)
{
	*holder = 0;
	for (;;) {
		_cleanup_close_ int fd =
			open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		struct stat is;

		if (fd < 0)
			return error_set(err, errno, "open %s", path);
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			int code = errno == EWOULDBLOCK ? EBUSY : errno;

			lock_read(fd, holder, NULL, 0);
			return error_set(err, code, "lock %s", path);
		}
		/* Its holder may have removed it as it went. */
		if (fstat(fd, &is) || !is.st_nlink)
			continue;
		if (lock_say(fd, path, words, err) < 0)
			return -err->code;
		return take_fd(fd);
	}
}

void bench_unlock(const char *path, int fd)
{
	if (fd < 0)
		return;
	unlink(path);
	close(fd);
}

int bench_directory_lock(struct bench *b, struct error *err)
{
	_cleanup_free_ char *path = memory_printf("%s/" LOCK_FILE, b->directory);
	pid_t holder;

	b->lock = bench_lock(path, "", &holder, err);
	if (b->lock != -EBUSY)
		return b->lock < 0 ? b->lock : 0;
	return error_say(
		err, EBUSY,
		"%s is the directory of another `hapep bench`, pid %d, that still "
		"runs: wait for it, or name another one with --output",
		b->directory, (int)holder);
}

/* Takes away what a benchmark left that was killed. The caller has the name's lock. */
static bool leftover_remove(struct bench *b, const char *name, const char *directory)
{
	struct bench dead = *b;
	struct error why = { 0 };
	bool gone;
	const char *what = strcmp(name, BENCH_BLADE) ? "lab" : "blade";

	snprintf(dead.lab, sizeof(dead.lab), "%s", strcmp(name, BENCH_BLADE) ? name : "");
	/* Its generator's and origin's files lie in its run's directory. */
	dead.directory = memory_strdup(directory);
	gone = !bench_leftover_end(&dead, &why);
	if (!gone)
		log_warning("a benchmark that was killed left %s '%s', which cannot be "
			    "removed: %s",
			    what, name, why.msg);
	else
		log_info("removed %s '%s', which a benchmark that was killed had left",
			 what, name);
	free(dead.directory);
	return gone;
}

/* Of each name that nobody has any more. */
static void leftovers_remove(struct bench *b, const char *except)
{
	DIR *d = opendir(NAMES);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		_cleanup_free_ char *path = memory_printf(NAMES "/%s", e->d_name);
		char directory[WORDS_MAX];
		struct stat is;
		pid_t pid;
		int fd;

		if (e->d_name[0] == '.' || !strcmp(e->d_name, except))
			continue;
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || fstat(fd, &is) ||
		    !is.st_nlink) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		lock_read(fd, &pid, directory, sizeof(directory));
		/* What still stands is still known by its file. */
		if (leftover_remove(b, e->d_name, directory))
			bench_unlock(path, fd);
		else
			close(fd);
	}
	if (d)
		closedir(d);
}

/* The file that says so was there before we had its lock. */
static bool left_by_the_dead(const char *path, char *directory, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	pid_t pid = 0;

	directory[0] = '\0';
	if (fd >= 0)
		lock_read(fd, &pid, directory, size);
	return fd >= 0;
}

static int name_lock(struct bench *b, const char *name, pid_t *holder, struct error *err)
{
	_cleanup_free_ char *path = memory_printf(NAMES "/%s", name);
	char directory[WORDS_MAX];
	bool left = left_by_the_dead(path, directory, sizeof(directory));

	/* Whoever goes last removes the directory. */
	do {
		if (mkdir(NAMES, 0700) < 0 && errno != EEXIST)
			return error_set(err, errno, "make the directory " NAMES);
		b->name_lock = bench_lock(path, b->directory, holder, err);
	} while (b->name_lock == -ENOENT);
	if (b->name_lock < 0)
		return b->name_lock;
	b->name_path = take_ptr(path);
	/* A lab of ours is made anew by bench_begin(); a blade stands until it is told.
	 */
	if (left && !b->lab[0])
		(void)leftover_remove(b, name, directory);
	return 0;
}

int bench_name_lock(struct bench *b, struct error *err)
{
	char wanted[sizeof(b->lab)];
	pid_t holder;
	int r;

	if (!b->lab[0]) {
		r = name_lock(b, BENCH_BLADE, &holder, err);
		if (r == -EBUSY)
			r = error_say(err, EBUSY,
				      "another `hapep bench`, pid %d, has this machine's "
				      "blade '" BENCH_BLADE "': wait for it",
				      (int)holder);
		if (!r)
			leftovers_remove(b, BENCH_BLADE);
		return r;
	}
	snprintf(wanted, sizeof(wanted), "%.20s", b->lab);
	for (unsigned int n = 2; (r = name_lock(b, b->lab, &holder, err)) == -EBUSY; n++)
		snprintf(b->lab, sizeof(b->lab), "%.20s-%u", wanted, n);
	if (!r)
		leftovers_remove(b, b->lab);
	return r;
}

void bench_locks_end(struct bench *b)
{
	_cleanup_free_ char *path =
		b->directory ? memory_printf("%s/" LOCK_FILE, b->directory) : NULL;

	if (b->name_path) {
		bench_unlock(b->name_path, b->name_lock);
		rmdir(NAMES); /* the last one */
	}
	if (path)
		bench_unlock(path, b->lock);
	free(take_ptr(b->name_path));
}
