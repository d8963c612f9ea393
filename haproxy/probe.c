/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns asking an instance whether it lives, without ever waiting for it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "haproxy/haproxy.h"
#include "helpers/cleanup.h"

/* Only the event loop that serves the connections can answer it. */
static const char probe_question[] = "show info\n";

int haproxy_probe_ask(const char *path)
{
	_cleanup_close_ int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	if (send(fd, probe_question, sizeof(probe_question) - 1, MSG_NOSIGNAL) < 0)
		return -errno;
	return take_fd(fd);
}

int haproxy_probe_hear(int fd)
{
	char part[256];
	ssize_t n = recv(fd, part, sizeof(part), MSG_DONTWAIT);

	if (n > 0)
		return 0;
	if (!n)
		return -ECONNRESET;
	return errno == EINTR ? -EAGAIN : -errno;
}
