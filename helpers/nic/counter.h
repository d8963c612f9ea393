/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets that each of a NIC's receive queues has counted. */
#ifndef HELPERS_NIC_COUNTER_H
#define HELPERS_NIC_COUNTER_H

#include <stdint.h>

/*
 * Packets received by queues 0 .. n - 1 into rx, by the driver's own statistics
 * (`ethtool -S`), since it came up. Returns how many of the queues have such a counter: 0
 * where the driver has none, or names them in a way that is not known.
 */
unsigned int counter_queues(const char *nic, uint64_t *rx, unsigned int n);

/* The queue whose received packets a statistic of that name counts; -1: it is no such. */
int counter_queue_of(const char *name);

#endif
