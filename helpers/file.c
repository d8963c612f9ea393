/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading small files of the kernel's below a given root. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/file.h"

int file_read(int root, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	/* A file of /proc may give less than it has: only 0 is its end. */
	while (used < size - 1 && n > 0) {
		n = read(fd, buf + used, size - 1 - used);
		if (n < 0 && errno != EINTR)
			return -errno;
		used += n > 0 ? (size_t)n : 0;
	}
	buf[used] = '\0';
	if (used && buf[used - 1] == '\n')
		buf[--used] = '\0';
	return (int)used;
}

int file_number(int root, const char *path, long long *out)
{
	char text[64], *end;
	long long value;
	int r = file_read(root, path, text, sizeof(text));

	if (r < 0)
		return r;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || errno)
		return -EINVAL;
	*out = value;
	return 0;
}

int file_list(int root, const char *path, int (*each)(const char *name, void *arg),
	      void *arg)
{
	int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	int r = 0;

	if (!d) {
		r = -errno;
		cleanup_close(&fd);
		return r;
	}
	while (!r && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			r = each(e->d_name, arg);
	}
	closedir(d);
	return r;
}
