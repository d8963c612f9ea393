/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the server that the instances' probe sections connect to: it says all again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "haproxy/haproxy.h"
#include "haproxy/render.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"

/* Accepted, and nothing heard yet: an instance has one question at a time. */
#define RESPONDER_OPEN_MAX HAPROXY_INSTANCES_MAX

struct haproxy_responder {
	int listen_fd;
	unsigned int n;
	int open[RESPONDER_OPEN_MAX];
};

/* HAProxy's abns@ fills the whole name with zeros. */
static int responder_listen(int fd, struct error *err)
{
	static const struct sockaddr_un name = { .sun_family = AF_UNIX,
						 .sun_path = "\0" HAPROXY_RESPONDER };

	if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
	    listen(fd, RESPONDER_OPEN_MAX) < 0)
		return error_set(err, errno,
				 "listen on the abstract socket '" HAPROXY_RESPONDER
				 "' in the namespace");
	return 0;
}

int haproxy_responder_open(int nsfd, struct haproxy_responder **out, struct error *err)
{
	_cleanup_close_ int fd =
		namespace_socket(nsfd, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, err);
	int r;

	if (fd < 0)
		return fd;
	r = responder_listen(fd, err);
	if (r < 0)
		return r;
	*out = memory_new(1, sizeof(**out));
	(*out)->listen_fd = take_fd(fd);
	return 0;
}

void haproxy_responder_close(struct haproxy_responder *r)
{
	if (!r)
		return;
	for (unsigned int i = 0; i < r->n; i++)
		close(r->open[i]);
	close(r->listen_fd);
	free(r);
}

/* Whether it is through with: answered, or left by the other end. */
static bool responder_done(int fd)
{
	char part[64];
	ssize_t n = recv(fd, part, sizeof(part), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0)
		n = send(fd, part, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return true;
}

void haproxy_responder_answer(struct haproxy_responder *r)
{
	unsigned int kept = 0;
	int fd;

	while (r->n < RESPONDER_OPEN_MAX &&
	       (fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		r->open[r->n++] = fd;
	for (unsigned int i = 0; i < r->n; i++) {
		if (responder_done(r->open[i]))
			close(r->open[i]);
		else
			r->open[kept++] = r->open[i];
	}
	r->n = kept;
}
