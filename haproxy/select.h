/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classic BPF programs that pick a listening socket of a group. */
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

/*
 * The same for a choice at random among the n slots of place: what takes the place of the
 * kernel's hash where a group holds sockets that nothing new shall go to.
 */
unsigned short select_some(const unsigned short *place, unsigned int n,
			   struct sock_filter *out);

/* Attaches a program to the SO_REUSEPORT group of the listening socket fd. */
int select_attach(int fd, struct sock_filter *code, unsigned short length,
		  struct error *err);
/* Leaves the choice to the kernel's hash (Linux 5.3). There was no program: success. */
int select_detach(int fd, struct error *err);

#endif
