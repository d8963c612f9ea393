/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each core's network softirq has done since boot, by /proc/net/softnet_stat. */
#ifndef HELPERS_SOFTNET_H
#define HELPERS_SOFTNET_H

#include <stddef.h>

struct softnet {
	unsigned int cpu;
	unsigned long processed; /* packets; one that is redirected counts each time */
	unsigned long dropped;   /* from a full backlog */
	unsigned long squeezed;  /* polls that the budget ended with packets left */
};

/*
 * A line for each online CPU, below root ("/", or a test's). *out is the caller's: free.
 * -ENOENT and others where it cannot be read.
 */
int softnet_read(int root, struct softnet **out, size_t *n);

#endif
