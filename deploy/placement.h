/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The placement: which queue, interrupt, CPU and instance belong together. */
#ifndef DEPLOY_PLACEMENT_H
#define DEPLOY_PLACEMENT_H

#include <jansson.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>

#include "deploy/config.h"
#include "helpers/nic/topology.h"

#define PLACEMENT_ROWS_MAX  (CONFIG_QUEUES_MAX + HAPROXY_INSTANCES_MAX)
#define PLACEMENT_NOTES_MAX 16

/* What is known of a NIC before anything is planned. */
struct placement_nic {
	char name[IFNAMSIZ];
	int node;                 /* TOPOLOGY_NODE_NONE: it reports none */
	unsigned int queues_most; /* that its driver can use; 0: not known */
	bool table;               /* it has an indirection table: it does RSS */
	bool soft; /* no device is behind it (veth, bond): there is nothing to be told */
};

/*
 * One line: a queue, or (queue -1) an instance whose CPU has no queue of its own or has
 * another instance's. Queues come first, in their order.
 */
struct placement_row {
	int queue;        /* -1: none */
	unsigned int cpu; /* of the queue's interrupt, and of the instance */
	int core, node;   /* of that CPU, as in topology.h; -1: it is offline now */
	int instance;     /* pinned to that CPU; -1: none */
	int taker;        /* with accept = cpu: which instance accepts what this CPU
			   * receives; the instance, or the nearest one by cache */
	cpu_set_t xps;    /* the CPUs that send by this queue; empty without a queue */
};

/* What did not fit, or is worth knowing, and what follows. */
struct placement_note {
	bool warning; /* something that was asked for is not so */
	char text[256];
};

/*
 * One table serves both sides: with two NICs queue q of either is on the same CPU, since
 * the same flow hashes to the same number on both.
 */
struct placement {
	unsigned int nics;               /* 1 where both sides share one */
	struct placement_nic nic[SIDES]; /* the first is the client side's */
	int node;                        /* where the queues are; -1: on several */
	unsigned int queues;             /* of each NIC; 0: they are left alone */
	bool rps; /* software steering from those queues over rps_cpus is needed too */
	cpu_set_t rps_cpus;      /* the instances' CPUs */
	bool bound;              /* every instance is on `node`, and so is its memory */
	unsigned int queue_cpus; /* length of queue_cpu */
	unsigned int
		queue_cpu[CPULIST_MAX]; /* where queues may be: q is on q modulo that */
	unsigned int instances;
	unsigned int cpu[HAPROXY_INSTANCES_MAX]; /* of each instance */
	unsigned int cpus;                       /* length of taker */
	unsigned short taker[CPULIST_MAX]; /* of each CPU: the instance that accepts */
	unsigned int rows;
	struct placement_row row[PLACEMENT_ROWS_MAX];
	unsigned int notes;
	struct placement_note note[PLACEMENT_NOTES_MAX];
};

/*
 * The placement of a configuration on a topology; looks at nothing else. recall: of a
 * blade in service, whose CPUs may have gone offline since. The rules:
 *
 * - The queues' CPUs are placement.queue_cpus; else haproxy.cpus; else the hyper-threads
 *   of the NIC's node: the first thread of each core in ascending order, then the second
 *   ones (smt = no: the first alone). CPUs that are offline, isolated, or not allowed are
 *   left out. With two NICs it is the client side's node; a NIC that reports no node
 *   takes the other one's, then the lowest that has a CPU.
 * - queues = auto is one a CPU, at most what each NIC can use. Queue q is on CPU q modulo
 *   the number of CPUs.
 * - The instances' CPUs are haproxy.cpus; else, with numa = bind, the queues' CPUs in
 *   their order, so that instance k is on queue k's CPU; with numa = spread the nodes'
 *   cores in turn. processes = auto is one a CPU. More instances than CPUs share them in
 *   order.
 * - Fewer queues than instance CPUs, or a NIC without RSS: software steering (RPS)
 *   spreads what the queues receive.
 * - A CPU without an instance is taken by the nearest one: same core, L2, L3, node,
 *   package; among equals by who takes fewest CPUs, then by number.
 * - XPS: each queue is used by its CPU; a CPU of the placement without a queue uses
 *   the nearest CPU's.
 */
int placement_make(const struct topology *t, const struct config *config,
		   const struct placement_nic *nic, unsigned int nics, bool recall,
		   struct placement *out, struct error *err);

/* A machine that is not here, for planning. */
struct placement_standin {
	const char *topology;     /* as topology_read takes it; NULL: this machine's */
	const char *rss;          /* a file with what `ethtool -x` printed of each NIC */
	int node[SIDES];          /* of each side's NIC */
	bool node_given;          /* else the topology is asked, if it knows NICs */
	unsigned int queues_most; /* of each NIC; 0: as rss says, else enough */
	bool no_rss;              /* they have no indirection table */
};

static inline bool placement_standin_given(const struct placement_standin *s)
{
	return s->topology || s->rss;
}

/* The same of this machine and its NICs, or of the stand-in, where one is given. */
int placement_read(const struct config *config, const struct placement_standin *standin,
		   bool recall, struct placement *out, struct error *err);

/*
 * The interrupts of the queues of this machine's NICs, as placement_tree takes them: irq
 * has room for SIDES * CONFIG_QUEUES_MAX.
 */
int placement_irqs(const struct placement *p, int *irq, struct error *err);

/*
 * Who accepts: what the configuration says; with auto the instance on the CPU that
 * received, where flows are spread over the instances' CPUs, one each, and both
 * directions of a flow come to the same; else whoever the kernel's hash picks, which
 * alone gives each instance its share then. (In the lab: 1.07 of hash's transactions a
 * second with such steering, 0.77 without: tests/full/core-tps.sh, tests/full/timing.sh.)
 */
enum haproxy_accept placement_accept(const struct placement *p,
				     const struct config *config);

/*
 * Writes what was auto into the configuration: processes, cpus, queues, queue_cpus,
 * accept.
 */
void placement_resolve(const struct placement *p, struct config *config);

/*
 * As a tree for the writer: nics, rows (queue, interrupt, cpu, core, node, instance,
 * accepts, xps) and notes. irq: the interrupt of queue q of NIC n is
 * irq[n * CONFIG_QUEUES_MAX + q], -1 where not known; NULL: none is.
 */
json_t *placement_tree(const struct placement *p, const int *irq);

#endif
