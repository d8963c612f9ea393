/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns naming Unix sockets, and listening on them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/local.h"

#define LOCAL_BACKLOG 64

/* A socket's name has 107 bytes: a directory's descriptor keeps it short. */
int local_address(struct sockaddr_un *to, const char *path, struct error *err)
{
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(to->sun_path))
		return error_say(err, ENAMETOOLONG,
				 "the socket's path is longer than %zu bytes: %s",
				 sizeof(to->sun_path) - 1, path);
	memcpy(to->sun_path, path, strlen(path) + 1);
	return 0;
}

int local_listen(int dirfd, const char *name, int type, const char *noun,
		 struct error *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un to;
	char path[PATH_MAX];
	int r;

	if (fd < 0)
		return error_set(err, errno, "open the %s socket '%s'", noun, name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	r = local_address(&to, path, err);
	if (r < 0)
		return r;
	/* An unbound socket's mode is that of the name which bind() will create. */
	if (fchmod(fd, 0600) < 0)
		return error_set(err, errno, "set the mode of the %s socket '%s'", noun,
				 name);
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return error_set(err, errno, "remove the old %s socket '%s'", noun, name);
	if (bind(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return error_set(err, errno, "bind the %s socket '%s'", noun, name);
	if (listen(fd, LOCAL_BACKLOG) < 0)
		return error_set(err, errno, "listen on the %s socket '%s'", noun, name);
	return take_fd(fd);
}
