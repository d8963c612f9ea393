/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A toy /sys and /proc below a directory of its own, for what takes a root descriptor. */
#ifndef TESTS_UNIT_TOY_ROOT_H
#define TESTS_UNIT_TOY_ROOT_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "helpers/file.h"

struct toy {
	char path[64];
	int fd;
};

static int toy_setup(void **state)
{
	struct toy *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	strcpy(t->path, "/tmp/test_root.XXXXXX");
	assert_non_null(mkdtemp(t->path));
	t->fd = open(t->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(t->fd >= 0);
	*state = t;
	return 0;
}

static int toy_teardown(void **state)
{
	struct toy *t = *state;
	char line[128];

	close(t->fd);
	snprintf(line, sizeof(line), "rm -rf %s", t->path);
	assert_int_equal(system(line), 0);
	free(t);
	return 0;
}

/* The directories above path. */
static void toy_above(const struct toy *t, const char *path)
{
	char part[256];

	for (const char *slash = strchr(path, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdirat(t->fd, part, 0755) < 0 && errno != EEXIST)
			fail_msg("%s: %s", part, strerror(errno));
	}
}

/* A file with a line of text, as sysfs shows it. */
__attribute__((format(printf, 3, 4))) static void
toy_file(const struct toy *t, const char *text, const char *fmt, ...)
{
	char path[256];
	va_list ap;
	int fd;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	toy_above(t, path);
	fd = openat(t->fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(write(fd, "\n", 1), 1);
	close(fd);
}

static inline void toy_link(const struct toy *t, const char *target, const char *path)
{
	toy_above(t, path);
	assert_int_equal(symlinkat(target, t->fd, path), 0);
}

/* What the file says now. */
static inline void toy_says(const struct toy *t, const char *path, const char *wanted)
{
	char text[512];

	assert_true(file_read(t->fd, path, text, sizeof(text)) >= 0);
	assert_string_equal(text, wanted);
}

#define TOY_TEST(f) cmocka_unit_test_setup_teardown(f, toy_setup, toy_teardown)

#endif
