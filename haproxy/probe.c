/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns asking an instance whether it lives and proxies, without ever waiting for it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "haproxy/haproxy.h"
#include "helpers/cleanup.h"
#include "helpers/local.h"

/* Only the event loop that serves the connections can answer the first. */
static const char *const probe_question[] = {
	[HAPROXY_PROBE_LIFE] = "show info\n",
	[HAPROXY_PROBE_PROXY] = "hapep\n",
};

int haproxy_probe_listen(int dirfd, const char *name, struct error *err)
{
	return local_listen(dirfd, name, SOCK_STREAM, "probe", err);
}

int haproxy_probe_ask(const char *path, enum haproxy_probe about)
{
	_cleanup_close_ int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const char *question = probe_question[about];
	struct sockaddr_un to;
	int r;

	if (fd < 0)
		return -errno;
	r = local_address(&to, path, &(struct error){ 0 });
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	if (send(fd, question, strlen(question), MSG_NOSIGNAL) < 0)
		return -errno;
	return take_fd(fd);
}

int haproxy_probe_hear(int fd, enum haproxy_probe about)
{
	const char *question = probe_question[about];
	char part[256];
	ssize_t n = recv(fd, part, sizeof(part), MSG_DONTWAIT);

	if (!n)
		return -ECONNRESET;
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (about == HAPROXY_PROBE_PROXY &&
	    ((size_t)n != strlen(question) || memcmp(part, question, (size_t)n) != 0))
		return -EPROTO;
	return 0;
}
