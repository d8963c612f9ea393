/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The classic BPF program that picks a listening socket by the current CPU. */
#ifndef HAPROXY_SELECT_H
#define HAPROXY_SELECT_H

#include <linux/filter.h>

#include "helpers/error.h"

/* Two instructions a slot and three for CPUs that no slot is pinned to, and the load. */
#define SELECT_LENGTH_MAX(slots) (2 * (slots) + 4)

/*
 * Writes the program for n slots into out (SELECT_LENGTH_MAX(n) long): slot i is taken
 * on CPU cpu[i]; where several slots share a CPU the first is. A CPU without a slot
 * takes slot CPU % n. Returns the program's length.
 */
unsigned short select_program(const unsigned int *cpu, unsigned int n,
			      struct sock_filter *out);

/* Attaches that program to the SO_REUSEPORT group of the listening socket fd. */
int select_attach(int fd, const unsigned int *cpu, unsigned int n, struct error *err);

#endif
