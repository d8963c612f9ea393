/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries bytes, FIN and RST from one connection of a pair to the other, both ways. */
#include "tests/bench/relay_pair.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ARRIVALS (EPOLLIN | EPOLLRDHUP | EPOLLET)

static struct relay_end *end_other(struct relay_end *end)
{
	return end == &end->pair->client ? &end->pair->server : &end->pair->client;
}

static bool end_watch(struct relay *r, struct relay_end *end, int verb, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = end };

	end->room = events & EPOLLOUT;
	return !epoll_ctl(r->epoll, verb, end->fd, &event);
}

/* Closed with a RST. */
static void socket_reset(int fd)
{
	static const struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void pair_end(struct relay *r, struct relay_pair *pair, bool reset)
{
	struct relay_end *end[] = { &pair->client, &pair->server };

	for (int i = 0; i < 2; i++) {
		if (reset)
			socket_reset(end[i]->fd);
		else
			close(end[i]->fd);
		end[i]->fd = -1;
		free(end[i]->held);
		end[i]->held = NULL;
	}
	pair->next = r->ended;
	r->ended = pair;
}

static bool set_on(int fd, int level, int option)
{
	static const int on = 1;

	return !setsockopt(fd, level, option, &on, sizeof(on));
}

/* IP_TRANSPARENT and IPV6_TRANSPARENT: to bind to what is no address of this machine. */
static int onward_open(const struct endpoint *from, const struct endpoint *to,
		       bool own_port)
{
	struct endpoint at = *from;
	bool six = at.any.sa_family == AF_INET6;
	int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (!own_port) {
		at.in.sin_port = 0; /* where sin6_port is, too */
		set_on(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
	}
	if (set_on(fd, six ? IPPROTO_IPV6 : IPPROTO_IP,
		   six ? IPV6_TRANSPARENT : IP_TRANSPARENT) &&
	    set_on(fd, SOL_SOCKET, SO_REUSEADDR) &&
	    set_on(fd, IPPROTO_TCP, TCP_NODELAY) && !bind(fd, &at.any, at.len) &&
	    (!connect(fd, &to->any, to->len) || errno == EINPROGRESS))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static struct relay_pair *pair_new(struct relay *r)
{
	struct relay_pair *pair = r->spare;

	if (pair)
		r->spare = pair->next;
	else
		pair = malloc(sizeof(*pair));
	if (!pair)
		abort();
	memset(pair, 0, sizeof(*pair));
	pair->client.pair = pair->server.pair = pair;
	return pair;
}

void relay_pair_begin(struct relay *r, int fd, const struct endpoint *client)
{
	struct endpoint server = { .len = sizeof(server.in6) };
	struct relay_pair *pair;
	int onward = getsockname(fd, &server.any, &server.len)
			     ? -errno
			     : onward_open(client, &server, true);

	/* The same four numbers may still be in TIME_WAIT: then from another port. */
	if (onward == -EADDRNOTAVAIL || onward == -EADDRINUSE)
		onward = onward_open(client, &server, false);
	if (onward < 0) {
		socket_reset(fd);
		return;
	}
	pair = pair_new(r);
	pair->client.fd = fd;
	pair->server.fd = onward;
	if (!end_watch(r, &pair->server, EPOLL_CTL_ADD, ARRIVALS | EPOLLOUT))
		pair_end(r, pair, true);
}

/* False: the connection is broken. What finds no room is held. */
static bool end_give(struct relay *r, struct relay_end *to, const unsigned char *bytes,
		     size_t n)
{
	ssize_t sent = write(to->fd, bytes, n);

	if (sent < 0 && errno != EAGAIN)
		return false;
	if (sent < 0)
		sent = 0;
	if ((size_t)sent == n)
		return true;
	to->held_n = n - (size_t)sent;
	to->held_at = 0;
	to->held = malloc(to->held_n);
	if (!to->held)
		abort();
	memcpy(to->held, bytes + sent, to->held_n);
	return to->room || end_watch(r, to, EPOLL_CTL_MOD, ARRIVALS | EPOLLOUT);
}

/* False: the connection is broken. */
static bool end_flush(struct relay_end *to)
{
	ssize_t sent = write(to->fd, to->held + to->held_at, to->held_n - to->held_at);

	if (sent < 0)
		return errno == EAGAIN;
	to->held_at += (size_t)sent;
	if (to->held_at == to->held_n) {
		free(to->held);
		to->held = NULL;
	}
	return true;
}

/*
 * All that has come, as long as the other end takes it; then its FIN. A read that fills
 * less than the buffer has emptied the socket: what comes later is another event, and a
 * FIN that was there already is told by this one. False: the connection is broken.
 */
static bool end_carry(struct relay *r, struct relay_end *from)
{
	struct relay_end *to = end_other(from);

	while (!from->over && !to->held) {
		ssize_t n = read(from->fd, r->buffer, sizeof(r->buffer));

		if (n < 0)
			return errno == EAGAIN;
		if (!n)
			from->over = true;
		else if (!end_give(r, to, r->buffer, (size_t)n))
			return false;
		if (n < (ssize_t)sizeof(r->buffer) && !from->ending)
			break;
	}
	if (!from->over || to->held || to->shut)
		return true;
	to->shut = true;
	/* Where the other way is done as well, closing says it. */
	return from->shut || !shutdown(to->fd, SHUT_WR);
}

/* The client is watched from here on: its request is mostly there by now. */
static bool pair_connected(struct relay *r, struct relay_pair *pair)
{
	pair->connected = true;
	return end_carry(r, &pair->client) &&
	       end_watch(r, &pair->client, EPOLL_CTL_ADD, ARRIVALS);
}

static bool pair_move(struct relay *r, struct relay_end *end, uint32_t events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		end->ending = true;
	/* Else what came before the RST is read, and then the RST. */
	if (events & EPOLLERR &&
	    (end->over || !end->pair->connected || end_other(end)->held))
		return false;
	if (!end->pair->connected && !pair_connected(r, end->pair))
		return false;
	if (end->held) {
		if (!end_flush(end) || (!end->held && !end_carry(r, end_other(end))))
			return false;
	}
	return !(events & ~(uint32_t)EPOLLOUT) || end_carry(r, end);
}

void relay_pair_go(struct relay *r, struct relay_end *end, uint32_t events)
{
	struct relay_pair *pair = end->pair;

	if (end->fd < 0)
		return;
	if (!pair_move(r, end, events))
		pair_end(r, pair, true);
	else if (pair->client.shut && pair->server.shut)
		pair_end(r, pair, false);
}

void relay_pairs_sweep(struct relay *r)
{
	while (r->ended) {
		struct relay_pair *pair = r->ended;

		r->ended = pair->next;
		pair->next = r->spare;
		r->spare = pair;
	}
}
