/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns which of the listening sockets get new connections, and when one stops to. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "haproxy/listener.h"
#include "haproxy/select.h"

/* The places in port i's group of the slots that listen; out has room for all slots. */
static unsigned int share_places(const struct haproxy_listeners *l, unsigned int i,
				 unsigned short *out)
{
	unsigned int n = 0, size = groups_size(l->groups, l->port[i]);

	for (unsigned int slot = 0; slot < l->slots; slot++) {
		unsigned int place = groups_place(l->groups, l->port[i],
						  l->cookie[slot * l->ports + i]);

		if (place < size)
			out[n++] = (unsigned short)place;
	}
	return n;
}

/*
 * What each CPU takes: of_slot[] of its slot where that listens (not UINT16_MAX), else
 * one of the n others.
 */
static void share_takers(const struct haproxy_plan *p, const unsigned short *of_slot,
			 const unsigned short *others, unsigned int n,
			 unsigned short *taker)
{
	for (unsigned int c = 0; c < p->takers; c++) {
		unsigned short own = of_slot[p->taker[c]];

		taker[c] = own != UINT16_MAX ? own : others[c % n];
	}
}

static unsigned short share_program(const struct haproxy_listeners *l, unsigned int i,
				    const unsigned short *place, unsigned int n,
				    struct sock_filter *code)
{
	unsigned short of_slot[HAPROXY_INSTANCES_MAX], taker[HAPROXY_CPUS_MAX];
	unsigned int size = groups_size(l->groups, l->port[i]);

	if (l->plan->accept != HAPROXY_ACCEPT_CPU)
		return select_some(place, n, code);
	for (unsigned int slot = 0; slot < l->slots; slot++) {
		unsigned int at = groups_place(l->groups, l->port[i],
					       l->cookie[slot * l->ports + i]);

		of_slot[slot] = at < size ? (unsigned short)at : UINT16_MAX;
	}
	share_takers(l->plan, of_slot, place, n, taker);
	return select_program(taker, l->plan->takers, n, code);
}

/* A socket of port i that listens, there being one. */
static int share_member(const struct haproxy_listeners *l, unsigned int i)
{
	unsigned int slot = 0, size = groups_size(l->groups, l->port[i]);

	while (groups_place(l->groups, l->port[i], l->cookie[slot * l->ports + i]) ==
	       size)
		slot++;
	return l->fd[slot * l->ports + i];
}

static int share_select(const struct haproxy_listeners *l, unsigned int i, bool narrow,
			struct error *err)
{
	unsigned short place[HAPROXY_INSTANCES_MAX];
	unsigned int n = share_places(l, i, place);
	struct sock_filter code[SELECT_LENGTH_MAX];
	unsigned short length;

	if (!n)
		return 0;
	if (l->plan->accept != HAPROXY_ACCEPT_CPU && !narrow &&
	    n == groups_size(l->groups, l->port[i]))
		return select_detach(share_member(l, i), err);
	length = share_program(l, i, place, n, code);
	return select_attach(share_member(l, i), code, length, err);
}

int haproxy_listeners_select(const struct haproxy_listeners *l, struct error *err)
{
	int r = 0;

	for (unsigned int i = 0; i < l->ports && !r; i++)
		r = share_select(l, i, false, err);
	return r;
}

int listeners_narrow(const struct haproxy_listeners *l, struct error *err)
{
	int r = 0;

	for (unsigned int i = 0; i < l->ports && !r; i++)
		r = share_select(l, i, true, err);
	return r;
}

static bool share_joined(const struct haproxy_listeners *l, unsigned int at)
{
	uint16_t port = l->port[at % l->ports];

	return groups_place(l->groups, port, l->cookie[at]) <
	       groups_size(l->groups, port);
}

static bool share_alone(const struct haproxy_listeners *l, unsigned int at)
{
	return groups_users(l->groups, l->port[at % l->ports], l->cookie[at]) == 1;
}

/* All copies of it, an instance's too: close() would act on none of those. */
static int share_stop(struct haproxy_listeners *l, unsigned int at, struct error *err)
{
	if (!share_joined(l, at))
		return 0;
	if (shutdown(l->fd[at], SHUT_RD) < 0)
		return error_set(err, errno, "stop listening on TCP port %u",
				 l->port[at % l->ports]);
	groups_leave(l->groups, l->port[at % l->ports], l->cookie[at]);
	return 0;
}

static int share_listen(struct haproxy_listeners *l, unsigned int at, struct error *err)
{
	if (listen(l->fd[at], (int)l->plan->backlog) < 0)
		return error_set(err, errno, "listen again on TCP port %u",
				 l->port[at % l->ports]);
	groups_join(l->groups, l->port[at % l->ports], l->cookie[at]);
	return 0;
}

bool haproxy_listeners_joined(const struct haproxy_listeners *l, unsigned int k)
{
	return share_joined(l, k * l->slots_per_instance * l->ports);
}

bool haproxy_listeners_shared(const struct haproxy_listeners *l, unsigned int k)
{
	unsigned int n = l->slots_per_instance * l->ports;

	for (unsigned int at = k * n; at < (k + 1) * n; at++) {
		if (!share_alone(l, at))
			return true;
	}
	return false;
}

int haproxy_listeners_leave(struct haproxy_listeners *l, unsigned int k,
			    struct error *err)
{
	unsigned int n = l->slots_per_instance * l->ports;
	int r = 0;

	for (unsigned int at = k * n; at < (k + 1) * n && !r; at++)
		r = share_stop(l, at, err);
	return r;
}

int haproxy_listeners_join(struct haproxy_listeners *l, unsigned int k, struct error *err)
{
	unsigned int n = l->slots_per_instance * l->ports;
	int r = 0;

	for (unsigned int at = k * n; at < (k + 1) * n && !r; at++)
		r = share_listen(l, at, err);
	return r;
}

int haproxy_listeners_end(struct haproxy_listeners *l, struct error *err)
{
	int r = 0;

	for (unsigned int at = 0; at < l->slots * l->ports && !r; at++) {
		if (share_alone(l, at))
			r = share_stop(l, at, err);
	}
	return r;
}

unsigned int haproxy_listeners_group(const struct haproxy_listeners *l, int *fd,
				     unsigned short *taker)
{
	unsigned short of_slot[HAPROXY_INSTANCES_MAX], all[HAPROXY_INSTANCES_MAX];
	unsigned int n = 0;

	for (unsigned int slot = 0; slot < l->slots; slot++) {
		of_slot[slot] = UINT16_MAX;
		if (!share_joined(l, slot * l->ports))
			continue;
		all[n] = of_slot[slot] = (unsigned short)n;
		fd[n++] = l->fd[slot * l->ports];
	}
	if (n)
		share_takers(l->plan, of_slot, all, n, taker);
	return n;
}

/* A listening socket's tcpi_unacked is the length of its accept queue. */
static unsigned int share_queued(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
	    info.tcpi_state != TCP_LISTEN)
		return 0;
	return info.tcpi_unacked;
}

unsigned int haproxy_listeners_queued(const struct haproxy_listeners *l, unsigned int k)
{
	unsigned int n, queued = 0;
	const int *fd = listeners_of(l, k, &n);

	for (unsigned int i = 0; i < n; i++)
		queued += share_queued(fd[i]);
	return queued;
}

bool haproxy_listeners_alone(const struct haproxy_listeners *l, unsigned int *queued)
{
	bool alone = false;

	*queued = 0;
	for (unsigned int at = 0; at < l->slots * l->ports; at++) {
		if (!share_joined(l, at) || !share_alone(l, at))
			continue;
		alone = true;
		*queued += share_queued(l->fd[at]);
	}
	return alone;
}
