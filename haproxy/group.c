/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns hapep's copy of the order that the kernel keeps the SO_REUSEPORT groups in. */
#include <stdlib.h>
#include <string.h>

#include "haproxy/group.h"
#include "helpers/memory.h"

struct group_socket {
	uint64_t cookie;
	unsigned int users;
};

struct group {
	uint16_t port;
	/* Those that listen first, in the kernel's order; then the others. */
	struct group_socket *socket;
	unsigned int n, joined;
};

struct groups {
	unsigned int holders, n;
	struct group *group;
};

struct groups *groups_new(void)
{
	struct groups *all = memory_new(1, sizeof(*all));

	all->holders = 1;
	return all;
}

struct groups *groups_hold(struct groups *all)
{
	all->holders++;
	return all;
}

void groups_drop(struct groups *all)
{
	if (!all || --all->holders)
		return;
	for (unsigned int i = 0; i < all->n; i++)
		free(all->group[i].socket);
	free(all->group);
	free(all);
}

static struct group *group_find(const struct groups *all, uint16_t port)
{
	for (unsigned int i = 0; i < all->n; i++) {
		if (all->group[i].port == port)
			return &all->group[i];
	}
	return NULL;
}

/* NULL where there is none such. */
static struct group_socket *socket_find(const struct group *g, uint64_t cookie)
{
	for (unsigned int i = 0; g && i < g->n; i++) {
		if (g->socket[i].cookie == cookie)
			return &g->socket[i];
	}
	return NULL;
}

static void *grown(void *old, unsigned int n, size_t size)
{
	void *bigger = memory_new(n + 1, size);

	if (n)
		memcpy(bigger, old, n * size);
	free(old);
	return bigger;
}

void groups_add(struct groups *all, uint16_t port, uint64_t cookie)
{
	struct group *g = group_find(all, port);
	struct group_socket *s = socket_find(g, cookie);

	if (!g) {
		all->group = grown(all->group, all->n, sizeof(*g));
		g = &all->group[all->n++];
		*g = (struct group){ .port = port };
	}
	if (!s) {
		g->socket = grown(g->socket, g->n, sizeof(*s));
		s = &g->socket[g->n++];
		*s = (struct group_socket){ .cookie = cookie };
	}
	s->users++;
}

void groups_remove(struct groups *all, uint16_t port, uint64_t cookie)
{
	struct group *g = group_find(all, port);
	struct group_socket *s = socket_find(g, cookie);

	if (!s || --s->users)
		return;
	groups_leave(all, port, cookie);
	s = socket_find(g, cookie);
	if (s)
		*s = g->socket[--g->n];
}

unsigned int groups_users(const struct groups *all, uint16_t port, uint64_t cookie)
{
	const struct group_socket *s = socket_find(group_find(all, port), cookie);

	return s ? s->users : 0;
}

static void socket_swap(struct group_socket *a, struct group_socket *b)
{
	struct group_socket was = *a;

	*a = *b;
	*b = was;
}

void groups_join(struct groups *all, uint16_t port, uint64_t cookie)
{
	struct group *g = group_find(all, port);
	struct group_socket *s = socket_find(g, cookie);

	if (s && s >= g->socket + g->joined)
		socket_swap(s, &g->socket[g->joined++]);
}

/* reuseport_detach_sock() puts the group's last into the gap. */
void groups_leave(struct groups *all, uint16_t port, uint64_t cookie)
{
	struct group *g = group_find(all, port);
	struct group_socket *s = socket_find(g, cookie);

	if (s && s < g->socket + g->joined)
		socket_swap(s, &g->socket[--g->joined]);
}

unsigned int groups_size(const struct groups *all, uint16_t port)
{
	const struct group *g = group_find(all, port);

	return g ? g->joined : 0;
}

unsigned int groups_place(const struct groups *all, uint16_t port, uint64_t cookie)
{
	const struct group *g = group_find(all, port);
	const struct group_socket *s = socket_find(g, cookie);

	if (!g)
		return 0;
	return s && s < g->socket + g->joined ? (unsigned int)(s - g->socket) : g->joined;
}
