/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns going into a network namespace and coming back. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"

int namespace_open(const char *name, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct statfs fs;
	char path[256];

	snprintf(path, sizeof(path), NAMESPACE_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open network namespace '%s'", name);
	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC)
		return error_say(err, ESTALE,
				 "%s is no network namespace (a plain file: its mount is "
				 "gone or lives in another mount namespace)",
				 path);
	return take_fd(fd);
}

int namespace_new(struct error *err)
{
	_cleanup_close_ int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;

	if (home < 0)
		return error_set(err, errno, "open /proc/thread-self/ns/net");
	if (unshare(CLONE_NEWNET) < 0)
		return error_set(err, errno, "make a network namespace to try in");
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	if (fd < 0)
		return error_set(err, ENFILE, "open the network namespace to try in");
	return take_fd(fd);
}

int namespace_call(int nsfd, int (*fn)(void *arg, struct error *err), void *arg,
		   struct error *err)
{
	_cleanup_close_ int home = -1;
	int r;

	if (nsfd < 0)
		return fn(arg, err);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return error_set(err, errno, "open /proc/self/ns/net");
	if (setns(nsfd, CLONE_NEWNET) < 0)
		return error_set(err, errno, "enter the network namespace");
	r = fn(arg, err);
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	return r;
}

struct socket_wish {
	int family, type, protocol;
};

static int namespace_open_socket(void *arg, struct error *err)
{
	const struct socket_wish *w = arg;
	int fd = socket(w->family, w->type | SOCK_CLOEXEC, w->protocol);

	return fd < 0 ? error_set(err, errno, "open a socket") : fd;
}

int namespace_socket(int nsfd, int family, int type, int protocol, struct error *err)
{
	struct socket_wish wish = { family, type, protocol };

	return namespace_call(nsfd, namespace_open_socket, &wish, err);
}
