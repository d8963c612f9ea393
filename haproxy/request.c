/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns asking the kernel which handshakes are under way (sock_diag, SYN_RECV). */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "haproxy/haproxy.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"

#define REQUEST_STATE  3 /* TCP_SYN_RECV; the kernel adds TCP_NEW_SYN_RECV to it */
#define REQUEST_WAIT_S 2

struct haproxy_requests {
	size_t n, size;
	uint64_t *cookie;
};

struct request_dump {
	struct nlmsghdr h;
	struct inet_diag_req_v2 q;
};

static void request_note(struct haproxy_requests *r, const struct inet_diag_msg *m)
{
	if (r->n == r->size) {
		size_t size = r->size ? r->size * 2 : 64;
		uint64_t *more = memory_new(size, sizeof(*more));

		if (r->n)
			memcpy(more, r->cookie, r->n * sizeof(*more));
		free(r->cookie);
		r->cookie = more;
		r->size = size;
	}
	r->cookie[r->n++] = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
}

/* 1 at the end of the dump, 0 where more comes, or -errno. */
static int request_receive(int fd, struct haproxy_requests *out)
{
	union {
		struct nlmsghdr h;
		char bytes[16384];
	} buffer;
	ssize_t got = recv(fd, &buffer, sizeof(buffer), 0);
	int left = (int)got;

	if (got < 0)
		return -errno;
	for (struct nlmsghdr *h = &buffer.h; NLMSG_OK(h, (unsigned int)left);
	     h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		request_note(out, NLMSG_DATA(h));
	}
	return 0;
}

static int request_family(int fd, int family, struct haproxy_requests *out,
			  struct error *err)
{
	struct request_dump dump = {
		.h = { .nlmsg_len = sizeof(dump),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.q = { .sdiag_family = (unsigned char)family,
		       .sdiag_protocol = IPPROTO_TCP,
		       .idiag_states = 1U << REQUEST_STATE },
	};
	int r = send(fd, &dump, sizeof(dump), 0) < 0 ? -errno : 0;

	while (!r)
		r = request_receive(fd, out);
	/* A kernel without IPv6 has none of its handshakes. */
	if (r == -ENOENT && family == AF_INET6)
		return 0;
	return r < 0 ? error_set(err, -r, "list the handshakes under way") : 0;
}

int haproxy_requests_read(int nsfd, struct haproxy_requests **out, struct error *err)
{
	_cleanup_close_ int fd =
		namespace_socket(nsfd, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG, err);
	const struct timeval limit = { .tv_sec = REQUEST_WAIT_S };
	struct haproxy_requests *list;
	int r;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	list = memory_new(1, sizeof(*list));
	r = request_family(fd, AF_INET, list, err);
	if (!r)
		r = request_family(fd, AF_INET6, list, err);
	if (r < 0)
		haproxy_requests_free(list);
	else
		*out = list;
	return r;
}

void haproxy_requests_free(struct haproxy_requests *r)
{
	if (r)
		free(r->cookie);
	free(r);
}

static int request_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

size_t haproxy_requests_left(struct haproxy_requests *then, struct haproxy_requests *now)
{
	size_t left = 0;

	if (now->n)
		qsort(now->cookie, now->n, sizeof(*now->cookie), request_order);
	for (size_t i = 0; i < then->n; i++) {
		if (now->n && bsearch(&then->cookie[i], now->cookie, now->n,
				      sizeof(*now->cookie), request_order))
			then->cookie[left++] = then->cookie[i];
	}
	then->n = left;
	return left;
}
