/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A NIC's interrupts: which vectors its device has, and which queue each serves. */
#ifndef HELPERS_NIC_IRQ_H
#define HELPERS_NIC_IRQ_H

#include <stdbool.h>
#include <stddef.h>

#include "helpers/error.h"

struct nic_vector {
	unsigned int irq;
	int queue;       /* -1: none's (configuration, link events) */
	bool receives;   /* that queue's receive interrupt, maybe the transmit one too */
	char action[64]; /* who handles it, as /proc/interrupts has it */
};

/*
 * The vectors of the NIC's own device, ascending: sysfs lists them (msi_irqs; one
 * directory up for virtio; the one line of a device without MSI). Names say no more than
 * which of them serves which queue: the queue is the rank of the number at the name's
 * end, since some drivers count from one. root is "/", or a test's. *out is the
 * caller's; *n is 0 for a NIC without a device (a veth). -ENODEV: no such NIC.
 */
int nic_vectors(int root, const char *nic, struct nic_vector **out, size_t *n,
		struct error *err);

/*
 * The receive interrupts of queues 0 .. queues - 1 into irq, -1 where not known: there
 * is no device, or its vectors' names tell fewer queues.
 */
int nic_irqs(const char *nic, unsigned int queues, int *irq, struct error *err);

/* Whether irqbalance runs, which would move the interrupts away again. */
bool nic_irqs_balanced(int root);

#endif
