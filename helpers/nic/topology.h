/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's CPUs, cores, caches and NUMA nodes, or those of a description of one. */
#ifndef HELPERS_NIC_TOPOLOGY_H
#define HELPERS_NIC_TOPOLOGY_H

#include <stdbool.h>

#include "helpers/cpulist.h"
#include "helpers/error.h"

#define TOPOLOGY_NODE_NONE (-1) /* a NIC that reports no node */

struct topology_cpu {
	unsigned int cpu;     /* as Linux numbers it, as all CPUs in hapep */
	unsigned int core;    /* counted over the machine, as `lscpu -e` does */
	unsigned int thread;  /* which hyper-thread of its core: 0 is the lowest CPU */
	unsigned int package; /* socket, as Linux numbers it */
	unsigned int node;    /* NUMA node, as Linux numbers it */
	int l2, l3;     /* which cache it shares, over the machine; -1: none known */
	bool permitted; /* within this process's cpuset */
	bool allowed;   /* and within its affinity */
	bool isolated;  /* taken out of the scheduler's balancing (isolcpus) */
	bool tickless;  /* in nohz_full */
};

struct topology {
	bool foreign; /* a description stands in for this machine */
	unsigned int nodes, packages, cores;  /* that have an online CPU */
	unsigned int n;                       /* online CPUs */
	struct topology_cpu cpu[CPULIST_MAX]; /* by ascending number */
	unsigned int n_offline;
	unsigned int offline[CPULIST_MAX]; /* present, not online; ascending */
};

/*
 * Reads a topology by hwloc; *out is the caller's, free() it. source NULL: this
 * machine, with isolated, nohz_full and present CPUs from sysfs. "synthetic:..." is
 * hwloc's synthetic description, anything else the path of its XML (lstopo FILE.xml),
 * in which cpusets limit as on the machine that wrote it, and <info name="isolated">
 * or "nohz_full" of the machine, if there, is a CPU list.
 */
int topology_read(const char *source, struct topology **out, struct error *err);

/* The CPU of that number; NULL: not online. */
const struct topology_cpu *topology_cpu_find(const struct topology *t, unsigned int cpu);

/*
 * How far two CPUs are: 0 hyper-threads of one core, 1 one L2 cache, 2 one L3 cache,
 * 3 one node, 4 one package, 5 further.
 */
unsigned int topology_distance(const struct topology_cpu *a,
			       const struct topology_cpu *b);

/*
 * A NIC's node as sysfs below root ("/", or a test's) has it: numa_node of the device or,
 * as for virtio, of the nearest one above it that has such a file. TOPOLOGY_NODE_NONE:
 * none reported, or no device at all.
 */
int topology_nic_node(int root, const char *nic);

/*
 * The node of the network device of that name in an hwloc XML that was written with I/O
 * devices. TOPOLOGY_NODE_NONE: not in it.
 */
int topology_source_nic_node(const char *source, const char *nic);

#endif
