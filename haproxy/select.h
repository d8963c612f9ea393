/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The classic BPF program that picks a listening socket by the current CPU. */
#ifndef HAPROXY_SELECT_H
#define HAPROXY_SELECT_H

#include <linux/filter.h>

#include "helpers/error.h"

#define SELECT_CPUS_MAX 512 /* named in the program, which optmem_max (20 KB) bounds */
/* Two instructions a CPU, the load, and two for the CPUs that are not named. */
#define SELECT_LENGTH_MAX (2 * SELECT_CPUS_MAX + 3)

/*
 * Writes the program for n slots into out (SELECT_LENGTH_MAX long): CPU c < cpus takes
 * slot taker[c], every other one slot CPU % n. CPUs that this rule serves as well are not
 * named; past SELECT_CPUS_MAX named ones it serves them all. Returns its length.
 */
unsigned short select_program(const unsigned short *taker, unsigned int cpus,
			      unsigned int n, struct sock_filter *out);

/* Attaches that program to the SO_REUSEPORT group of the listening socket fd. */
int select_attach(int fd, const unsigned short *taker, unsigned int cpus, unsigned int n,
		  struct error *err);

#endif
