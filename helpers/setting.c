/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns writing settings of the kernel's below a given root. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/file.h"
#include "helpers/setting.h"

int setting_root(struct error *err)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? error_set(err, errno, "open /") : fd;
}

/* O_TRUNC: a test's toy file shall hold this value alone; the kernel's do not care. */
int setting_write(int root, const char *path, const char *value, struct error *err)
{
	_cleanup_close_ int fd = openat(root, path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, value, strlen(value));

	if (n == (ssize_t)strlen(value))
		return 0;
	return error_set(err, n < 0 ? errno : EIO, "write '%s' to /%s", value, path);
}

int setting_restore(int root, const char *path, const char *value, struct error *err)
{
	char now[SETTING_SIZE];
	int r = file_read(root, path, now, sizeof(now));

	/* ENODEV, EINVAL: the queue or the interrupt behind the file is going. */
	if (r == -ENOENT || r == -ENODEV || (r >= 0 && !strcmp(now, value)))
		return 0;
	if (r < 0)
		return error_set(err, -r, "read /%s", path);
	r = setting_write(root, path, value, err);
	return r == -ENOENT ? 0 : r;
}
