/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a NIC's queues are told: how many, which flows, interrupts and CPUs each has. */
#ifndef HELPERS_NIC_QUEUES_H
#define HELPERS_NIC_QUEUES_H

#include <jansson.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>

#include "helpers/error.h"
#include "helpers/step.h"
#include "helpers/text.h"

#define NIC_QUEUES_MAX 256

/* What there is to be told; nic_queues_ask finds out. Alike before and after telling. */
struct nic_ability {
	bool device;   /* hardware, or a hypervisor's, is behind it */
	bool channels; /* the driver can be told how many queues to use */
	bool table;    /* it has an indirection table: it does RSS */
	bool fields;   /* it tells which fields of a packet it hashes */
	bool vectors;  /* its queues' interrupts are known */
	bool xps;      /* it has several transmit queues */
	bool rps;      /* the kernel can steer in software */
	bool mqprio;   /* its root qdisc has one lock for all queues, and can come back */
};

struct nic_queue {
	unsigned int cpu; /* of its interrupts */
	cpu_set_t xps;    /* the CPUs that send by it */
};

struct nic_queues {
	char name[IFNAMSIZ];
	unsigned int n;     /* queues to use; 0: the NIC is left alone */
	bool symmetric;     /* both directions of a flow to one queue */
	bool rps;           /* software steering is needed too */
	cpu_set_t rps_cpus; /* and goes to these */
	struct nic_queue queue[NIC_QUEUES_MAX];
	struct nic_ability can;
};

/* Whether hardware, or a hypervisor's, is behind it: a veth or a bond has nothing to
 * tell. */
bool nic_has_device(const char *nic);

/* Fills q->can for the NIC q->name of the caller's namespace. -ENODEV: no such NIC. */
int nic_queues_ask(struct nic_queues *q, struct error *err);

/*
 * The steps. Those of one NIC are applied in the order below, since a change of channels
 * resets most of what follows, and mqprio XPS. What the record of each holds is put back
 * by the one undo: what nic_channels_record wrote down is all that a change of channels
 * may reset, so that undoing it last leaves every dump as it was.
 */

/*
 * Channels, by ethtool's netlink (5.6) for the sake of the kernel's sentence, else by
 * ioctl. Before a decrease the indirection table is made to fit; after any change it is
 * written anew: some devices (QEMU's) forget it.
 */
int nic_channels_record(const struct nic_queues *q, json_t **out, struct error *err);
int nic_channels_apply(const struct nic_queues *q, struct error *err);
int nic_channels_probe(const struct nic_queues *q, enum step_state *state,
		       struct text *detail, struct error *err);
void nic_channels_describe(const struct nic_queues *q, struct text *out);

/* rx-flow-hash: addresses and ports, of TCP over IPv4 and IPv6. */
int nic_fields_record(const struct nic_queues *q, json_t **out, struct error *err);
int nic_fields_apply(const struct nic_queues *q, struct error *err);
int nic_fields_probe(const struct nic_queues *q, enum step_state *state,
		     struct text *detail, struct error *err);
void nic_fields_describe(const struct nic_queues *q, struct text *out);

/*
 * Indirection table and key, by ioctl, which every kernel has (netlink can read them
 * since 6.3, and write them only since 6.17). Symmetric: the driver's own symmetric-xor
 * (6.8) where it has it, else the Toeplitz key 6d:5a repeated, whose period of 16 bits
 * makes addresses and ports exchangeable. Asymmetric: the NIC's own key, or a random one
 * where that is symmetric.
 */
int nic_rss_record(const struct nic_queues *q, json_t **out, struct error *err);
int nic_rss_apply(const struct nic_queues *q, struct error *err);
int nic_rss_probe(const struct nic_queues *q, enum step_state *state, struct text *detail,
		  struct error *err);
void nic_rss_describe(const struct nic_queues *q, struct text *out);

/* Each queue's interrupts on its CPU. The hardware follows at the next interrupt. */
int nic_irq_record(const struct nic_queues *q, json_t **out, struct error *err);
int nic_irq_apply(const struct nic_queues *q, struct error *err);
int nic_irq_probe(const struct nic_queues *q, enum step_state *state, struct text *detail,
		  struct error *err);
void nic_irq_describe(const struct nic_queues *q, struct text *out);

/*
 * mqprio (hw 0) in place of a root qdisc whose one lock all CPUs would contend for (the
 * paper's Bottleneck Elimination). The kernel's own mq has a lock a queue already and
 * stays; so does any qdisc that could not be put back exactly.
 */
int nic_mqprio_record(const struct nic_queues *q, json_t **out, struct error *err);
int nic_mqprio_apply(const struct nic_queues *q, struct error *err);
int nic_mqprio_probe(const struct nic_queues *q, enum step_state *state,
		     struct text *detail, struct error *err);
void nic_mqprio_describe(const struct nic_queues *q, struct text *out);

/* Which CPUs send by which queue. */
int nic_xps_record(const struct nic_queues *q, json_t **out, struct error *err);
int nic_xps_apply(const struct nic_queues *q, struct error *err);
int nic_xps_probe(const struct nic_queues *q, enum step_state *state, struct text *detail,
		  struct error *err);
void nic_xps_describe(const struct nic_queues *q, struct text *out);

/* Steering in software, of what too few queues receive. */
int nic_rps_record(const struct nic_queues *q, json_t **out, struct error *err);
int nic_rps_apply(const struct nic_queues *q, struct error *err);
int nic_rps_probe(const struct nic_queues *q, enum step_state *state, struct text *detail,
		  struct error *err);
void nic_rps_describe(const struct nic_queues *q, struct text *out);

/* The undo of every step above. */
int nic_queues_undo(const json_t *record, struct error *err);

#endif
