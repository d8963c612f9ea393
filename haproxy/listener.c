/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the listening sockets: opened in order, kept while instances come and go. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "haproxy/listener.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"

struct listeners_wish {
	const struct haproxy_plan *plan;
	struct haproxy_listeners *l;
	const struct haproxy_listeners *former; /* whose sockets may be shared */
	int family;
	bool listen;
};

static int listener_option(int fd, int level, int name, int value, const char *what,
			   struct error *err)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		return error_set(err, errno, "set %s on a listening socket", what);
	return 0;
}

/* IPV6_TRANSPARENT and IP_TRANSPARENT are one bit in Linux; a dual socket gets both. */
static int listener_options(int fd, const struct listeners_wish *w, struct error *err)
{
	const struct haproxy_plan *p = w->plan;
	int r = listener_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR", err);

	if (!r)
		r = listener_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT", err);
	if (!r && w->family == AF_INET6)
		r = listener_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !p->ipv4,
				    "IPV6_V6ONLY", err);
	if (!r && w->family == AF_INET6)
		r = listener_option(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1,
				    "IPV6_TRANSPARENT", err);
	if (!r && p->ipv4)
		r = listener_option(fd, IPPROTO_IP, IP_TRANSPARENT, 1, "IP_TRANSPARENT",
				    err);
	return r;
}

static int listener_bind(int fd, int family, uint16_t port, struct error *err)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	const struct sockaddr *to = family == AF_INET6 ? (const struct sockaddr *)&six
						       : (const struct sockaddr *)&four;
	socklen_t size = family == AF_INET6 ? sizeof(six) : sizeof(four);

	if (!bind(fd, to, size))
		return 0;
	if (errno == EADDRINUSE)
		return error_say(err, EADDRINUSE,
				 "bind TCP port %u: another program in the namespace "
				 "listens on it; stop it or choose another port",
				 port);
	return error_set(err, errno, "bind TCP port %u", port);
}

static int listener_open(const struct listeners_wish *w, uint16_t port, struct error *err)
{
	_cleanup_close_ int fd = socket(w->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return error_set(err, errno, "open a listening socket");
	r = listener_options(fd, w, err);
	if (r < 0 || !w->listen)
		return r < 0 ? r : take_fd(fd);
	r = listener_bind(fd, w->family, port, err);
	if (r < 0)
		return r;
	if (listen(fd, (int)w->plan->backlog) < 0)
		return error_set(err, errno, "listen on TCP port %u", port);
	return take_fd(fd);
}

/* The former's socket of that port and slot, once more. -ENOENT: it has none. */
static int listener_share(const struct listeners_wish *w, uint16_t port,
			  unsigned int slot, struct error *err)
{
	const struct haproxy_listeners *former = w->former;
	int fd;

	if (!former || slot >= former->slots)
		return -ENOENT;
	for (unsigned int i = 0; i < former->ports; i++) {
		if (former->port[i] != port)
			continue;
		fd = fcntl(former->fd[slot * former->ports + i], F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? error_set(err, errno, "share a listening socket") : fd;
	}
	return -ENOENT;
}

static int listener_enter(struct haproxy_listeners *l, unsigned int at, uint16_t port,
			  bool joins, struct error *err)
{
	socklen_t size = sizeof(l->cookie[at]);

	if (getsockopt(l->fd[at], SOL_SOCKET, SO_COOKIE, &l->cookie[at], &size) < 0)
		return error_set(err, errno, "ask for a listening socket's cookie");
	groups_add(l->groups, port, l->cookie[at]);
	if (joins)
		groups_join(l->groups, port, l->cookie[at]);
	return 0;
}

/* One port: its group's order, which is that of listen(), is the slots'. */
static int listeners_open_port(const struct listeners_wish *w, unsigned int index,
			       uint16_t port, struct error *err)
{
	struct haproxy_listeners *l = w->l;
	int r = 0;

	l->port[index] = port;
	for (unsigned int slot = 0; slot < l->slots && r >= 0; slot++) {
		unsigned int at = slot * l->ports + index;
		bool shared;

		r = listener_share(w, port, slot, err);
		shared = r >= 0;
		if (r == -ENOENT)
			r = listener_open(w, port, err);
		if (r < 0)
			return r;
		l->fd[at] = r;
		if (w->listen)
			r = listener_enter(l, at, port, !shared, err);
	}
	return r < 0 ? r : 0;
}

/* Both families share a socket where the kernel has IPv6; without it IPv4 stays. */
static int listeners_family(const struct haproxy_plan *p)
{
	int fd;

	if (!p->ipv6)
		return AF_INET;
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EAFNOSUPPORT && p->ipv4)
		return AF_INET;
	cleanup_close(&fd);
	return AF_INET6;
}

static int listeners_open_all(void *arg, struct error *err)
{
	struct listeners_wish *w = arg;
	const struct ports *ports = &w->plan->ports;
	unsigned int index = 0;
	int r;

	for (size_t i = 0; i < ports->n; i++) {
		for (unsigned int port = ports->range[i].first;
		     port <= ports->range[i].last; port++) {
			r = listeners_open_port(w, index++, (uint16_t)port, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static struct haproxy_listeners *listeners_new(const struct haproxy_plan *p, int family)
{
	struct haproxy_listeners *l = memory_new(1, sizeof(*l));

	l->plan = p;
	l->family = family;
	l->slots = p->processes;
	l->slots_per_instance = p->model == HAPROXY_MODEL_THREADS ? p->processes : 1;
	l->ports = ports_count(&p->ports);
	l->port = memory_new(l->ports, sizeof(*l->port));
	l->fd = memory_new((size_t)l->slots * l->ports, sizeof(*l->fd));
	l->cookie = memory_new((size_t)l->slots * l->ports, sizeof(*l->cookie));
	for (unsigned int i = 0; i < l->slots * l->ports; i++)
		l->fd[i] = -1;
	return l;
}

static int listeners_open(const struct haproxy_plan *p, int nsfd, bool listen,
			  const struct haproxy_listeners *former,
			  struct haproxy_listeners **out, struct error *err)
{
	struct listeners_wish w = { .plan = p,
				    .listen = listen,
				    .family = listeners_family(p) };
	int r = 0;

	if (former && former->family == w.family && former->plan->ipv4 == p->ipv4)
		w.former = former;
	w.l = listeners_new(p, w.family);
	w.l->groups = w.former ? groups_hold(w.former->groups) : groups_new();
	if (w.former)
		r = listeners_narrow(former, err);
	if (!r)
		r = namespace_call(nsfd, listeners_open_all, &w, err);
	if (!r && listen && !w.former)
		r = haproxy_listeners_select(w.l, err);
	if (r < 0) {
		haproxy_listeners_close(w.l);
		return r;
	}
	*out = w.l;
	return 0;
}

int haproxy_listeners_open(const struct haproxy_plan *p, int nsfd, bool listen,
			   struct haproxy_listeners **out, struct error *err)
{
	return listeners_open(p, nsfd, listen, NULL, out, err);
}

int haproxy_listeners_succeed(const struct haproxy_plan *p, int nsfd,
			      const struct haproxy_listeners *former,
			      struct haproxy_listeners **out, struct error *err)
{
	return listeners_open(p, nsfd, true, former, out, err);
}

void haproxy_listeners_close(struct haproxy_listeners *l)
{
	if (!l)
		return;
	for (unsigned int i = 0; i < l->slots * l->ports; i++) {
		if (l->cookie[i])
			groups_remove(l->groups, l->port[i % l->ports], l->cookie[i]);
		cleanup_close(&l->fd[i]);
	}
	groups_drop(l->groups);
	free(l->port);
	free(l->fd);
	free(l->cookie);
	free(l);
}

const int *listeners_of(const struct haproxy_listeners *l, unsigned int k,
			unsigned int *n)
{
	*n = l->slots_per_instance * l->ports;
	return l->fd + (size_t)k * *n;
}
