/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SO_REUSEPORT groups as the kernel has them: who is in each, in which order. */
#ifndef HAPROXY_GROUP_H
#define HAPROXY_GROUP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A program that chooses among a group's sockets returns an index, and there is no way
 * to ask the kernel for the order: it is that of listen(), and one that stops to listen
 * leaves its place to the last. Sockets are told apart by their cookies (SO_COOKIE,
 * Linux 4.12), since several descriptors, of several sets of listening sockets, may be
 * the same socket. Not for threads.
 */
struct groups;
struct groups *groups_new(void);
/* One more holder; groups_drop frees with the last. NULL: nothing. */
struct groups *groups_hold(struct groups *all);
void groups_drop(struct groups *all);

/* One more user of that socket; the last one's drop takes it out of its group. */
void groups_add(struct groups *all, uint16_t port, uint64_t cookie);
void groups_remove(struct groups *all, uint16_t port, uint64_t cookie);
unsigned int groups_users(const struct groups *all, uint16_t port, uint64_t cookie);

/* It listens, or listens no more; a second time changes nothing. */
void groups_join(struct groups *all, uint16_t port, uint64_t cookie);
void groups_leave(struct groups *all, uint16_t port, uint64_t cookie);

/* How many listen on the port; the index of one of them, or that number. */
unsigned int groups_size(const struct groups *all, uint16_t port);
unsigned int groups_place(const struct groups *all, uint16_t port, uint64_t cookie);

#endif
