/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the listening sockets: opened in order, kept while instances come and go. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "haproxy/listener.h"
#include "haproxy/select.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"

/*
 * A slot is what one SO_REUSEPORT group member serves: an instance, or a thread of the
 * one instance. fd[slot * ports + i] listens on the i-th port.
 */
struct haproxy_listeners {
	unsigned int slots, ports, slots_per_instance;
	int *fd;
	unsigned int *order; /* slots in the groups, as the kernel numbers them */
	unsigned int joined;
};

struct listeners_wish {
	const struct haproxy_plan *plan;
	struct haproxy_listeners *l;
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

/* One port: its group's order, which is that of listen(), is the slots'. */
static int listeners_open_port(const struct listeners_wish *w, unsigned int index,
			       uint16_t port, struct error *err)
{
	const struct haproxy_plan *p = w->plan;
	struct haproxy_listeners *l = w->l;
	int r;

	for (unsigned int slot = 0; slot < l->slots; slot++) {
		r = listener_open(w, port, err);
		if (r < 0)
			return r;
		l->fd[slot * l->ports + index] = r;
	}
	if (!w->listen || p->accept != HAPROXY_ACCEPT_CPU)
		return 0;
	return select_attach(l->fd[index], p->taker, p->takers, l->slots, err);
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

	w->family = listeners_family(w->plan);
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

int haproxy_listeners_open(const struct haproxy_plan *p, int nsfd, bool listen,
			   struct haproxy_listeners **out, struct error *err)
{
	struct listeners_wish w = { .plan = p, .listen = listen };
	struct haproxy_listeners *l = memory_new(1, sizeof(*l));
	int r;

	l->slots = p->processes;
	l->slots_per_instance = p->model == HAPROXY_MODEL_THREADS ? p->processes : 1;
	l->ports = ports_count(&p->ports);
	l->fd = memory_new((size_t)l->slots * l->ports, sizeof(*l->fd));
	l->order = memory_new(l->slots, sizeof(*l->order));
	for (l->joined = 0; l->joined < l->slots; l->joined++)
		l->order[l->joined] = l->joined;
	for (unsigned int i = 0; i < l->slots * l->ports; i++)
		l->fd[i] = -1;
	w.l = l;
	r = namespace_call(nsfd, listeners_open_all, &w, err);
	if (r < 0) {
		haproxy_listeners_close(l);
		return r;
	}
	*out = l;
	return 0;
}

void haproxy_listeners_close(struct haproxy_listeners *l)
{
	if (!l)
		return;
	for (unsigned int i = 0; i < l->slots * l->ports; i++)
		cleanup_close(&l->fd[i]);
	free(l->fd);
	free(l->order);
	free(l);
}

static unsigned int listeners_place(const struct haproxy_listeners *l, unsigned int slot)
{
	unsigned int i = 0;

	while (i < l->joined && l->order[i] != slot)
		i++;
	return i;
}

/* Which place in the groups each CPU's slot has; of an absent one, somebody else's. */
static void listeners_takers(const struct haproxy_listeners *l,
			     const struct haproxy_plan *p, unsigned short *taker)
{
	for (unsigned int c = 0; c < p->takers; c++) {
		unsigned int place = listeners_place(l, p->taker[c]);

		taker[c] = (unsigned short)(place < l->joined ? place : c % l->joined);
	}
}

/* The groups have changed their order: tell the program that chooses by it. */
static int listeners_select(const struct haproxy_listeners *l,
			    const struct haproxy_plan *p, struct error *err)
{
	unsigned short taker[HAPROXY_CPUS_MAX];
	int r = 0;

	if (p->accept != HAPROXY_ACCEPT_CPU || !l->joined)
		return 0;
	listeners_takers(l, p, taker);
	for (unsigned int i = 0; i < l->ports && !r; i++)
		r = select_attach(l->fd[l->order[0] * l->ports + i], taker, p->takers,
				  l->joined, err);
	return r;
}

bool haproxy_listeners_joined(const struct haproxy_listeners *l, unsigned int k)
{
	return listeners_place(l, k * l->slots_per_instance) < l->joined;
}

/* The instance has the sockets too: shutdown() acts on all copies, close() on none. */
int haproxy_listeners_leave(struct haproxy_listeners *l, const struct haproxy_plan *p,
			    unsigned int k, struct error *err)
{
	for (unsigned int t = 0; t < l->slots_per_instance; t++) {
		unsigned int slot = k * l->slots_per_instance + t;
		unsigned int place = listeners_place(l, slot);

		if (place == l->joined)
			continue;
		/* The kernel puts the group's last into the gap. */
		l->order[place] = l->order[--l->joined];
		for (unsigned int i = 0; i < l->ports; i++) {
			if (shutdown(l->fd[slot * l->ports + i], SHUT_RD) < 0)
				return error_set(err, errno,
						 "stop listening for instance %u", k);
		}
	}
	return listeners_select(l, p, err);
}

int haproxy_listeners_join(struct haproxy_listeners *l, const struct haproxy_plan *p,
			   unsigned int k, struct error *err)
{
	for (unsigned int t = 0; t < l->slots_per_instance; t++) {
		unsigned int slot = k * l->slots_per_instance + t;

		if (listeners_place(l, slot) < l->joined)
			continue;
		for (unsigned int i = 0; i < l->ports; i++) {
			if (listen(l->fd[slot * l->ports + i], (int)p->backlog) < 0)
				return error_set(err, errno,
						 "listen again for instance %u", k);
		}
		l->order[l->joined++] = slot;
	}
	return listeners_select(l, p, err);
}

const int *listeners_of(const struct haproxy_listeners *l, unsigned int k,
			unsigned int *n)
{
	*n = l->slots_per_instance * l->ports;
	return l->fd + (size_t)k * *n;
}

unsigned int haproxy_listeners_group(const struct haproxy_listeners *l,
				     const struct haproxy_plan *p, int *fd,
				     unsigned short *taker)
{
	for (unsigned int i = 0; i < l->joined; i++)
		fd[i] = l->fd[l->order[i] * l->ports];
	if (l->joined)
		listeners_takers(l, p, taker);
	return l->joined;
}

/* A listening socket's tcpi_unacked is the length of its accept queue. */
unsigned int haproxy_listeners_queued(const struct haproxy_listeners *l, unsigned int k)
{
	unsigned int n, queued = 0;
	const int *fd = listeners_of(l, k, &n);

	for (unsigned int i = 0; i < n; i++) {
		struct tcp_info info = { 0 };
		socklen_t size = sizeof(info);

		if (!getsockopt(fd[i], IPPROTO_TCP, TCP_INFO, &info, &size) &&
		    info.tcpi_state == TCP_LISTEN)
			queued += info.tcpi_unacked;
	}
	return queued;
}
