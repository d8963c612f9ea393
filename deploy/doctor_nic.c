/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the checks of a NIC's place: its NUMA node, queues, XPS and interrupts. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/doctor.h"
#include "helpers/cleanup.h"
#include "helpers/cpulist.h"
#include "helpers/file.h"
#include "helpers/memory.h"
#include "helpers/nic/irq.h"
#include "helpers/nic/topology.h"

#define NIC_CLASS "sys/class/net"
#define NODES     "sys/devices/system/node"

/* The node that a CPU is on by the kernel's lists; -1: the machine tells of none. */
static int node_of(const struct doctor *d, unsigned int cpu)
{
	unsigned int cpus[CPULIST_MAX];
	char path[64], list[4096];
	size_t n;

	for (int node = 0; node < 64; node++) {
		snprintf(path, sizeof(path), NODES "/node%d/cpulist", node);
		if (doctor_read(d, path, list, sizeof(list)) <= 0 ||
		    cpulist_parse(list, cpus, &n, NULL) < 0)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (cpus[i] == cpu)
				return node;
		}
	}
	return -1;
}

/* The instances' CPUs that are on another node than `node`, as a list. */
static unsigned int node_strangers(const struct doctor *d, int node, struct text *list)
{
	const struct haproxy_plan *h = &d->plan.haproxy;
	unsigned int n = 0;

	for (unsigned int i = 0; i < h->processes; i++) {
		int its = node_of(d, h->cpu[i]);

		if (its < 0 || its == node)
			continue;
		text_add(list, "%s%u (node %d)", n++ ? ", " : "", h->cpu[i], its);
	}
	return n;
}

/* A device that does not say, on a machine with more than one node. */
static void node_unknown(struct doctor *d, const char *nic)
{
	struct doctor_finding *f;
	char path[64], text[16];

	snprintf(path, sizeof(path), NIC_CLASS "/%s/device", nic);
	if (faccessat(d->root, path, F_OK, 0) < 0 || /* a virtual one is nowhere */
	    doctor_read(d, NODES "/node1/cpulist", text, sizeof(text)) < 0)
		return;
	f = doctor_find(d, DOCTOR_NOTE);
	text_add(&f->what, "'%s' does not say which NUMA node it is on", nic);
	text_add(&f->read, "/%s/numa_node: -1", path);
	text_add(&f->why, "Whether the instances are beside their NIC can then not be "
			  "known.");
	text_add(&f->mend, "see the machine's manual for the slot's node, and set "
			   "haproxy.cpus to CPUs of it");
}

static void nic_node(struct doctor *d, const char *nic)
{
	_cleanup_text_ struct text strangers = { 0 };
	int node = topology_nic_node(d->root, nic);
	struct doctor_finding *f;
	char path[64], list[4096];
	bool spread = d->plan.config.numa == NUMA_SPREAD;
	unsigned int n;

	if (node == TOPOLOGY_NODE_NONE) {
		node_unknown(d, nic);
		return;
	}
	n = node_strangers(d, node, &strangers);
	if (!n)
		return;
	snprintf(path, sizeof(path), NODES "/node%d/cpulist", node);
	if (doctor_read(d, path, list, sizeof(list)) < 0)
		list[0] = '\0';
	f = doctor_find(d, spread ? DOCTOR_NOTE : DOCTOR_WARNING);
	text_add(&f->what, "%u of %u instances are on another NUMA node than '%s'", n,
		 d->plan.haproxy.processes, nic);
	text_add(&f->read, "numa_node of %s: %d; instances on CPU %s", nic, node,
		 strangers.text);
	text_add(&f->why, "Each packet then crosses the nodes' interconnect, twice.");
	text_add(&f->mend,
		 "set placement.numa = bind, or haproxy.cpus to CPUs of node %d (%s), "
		 "then hapep down and hapep up",
		 node, list);
}

int doctor_nic_node(struct doctor *d, struct error *err)
{
	const char *nic[SIDES];
	int n = doctor_nics(d, nic);

	(void)err;
	for (int i = 0; i < n; i++)
		nic_node(d, nic[i]);
	return 0;
}

/* Queues of a direction ("rx-"), and how many of them have a CPU in their mask file. */
struct queues {
	const struct doctor *d;
	const char *nic, *prefix, *mask;
	unsigned int n, steered;
};

static int queue_count(const char *name, void *arg)
{
	struct queues *q = arg;
	char path[128], mask[1024];

	if (strncmp(name, q->prefix, strlen(q->prefix)) != 0)
		return 0;
	q->n++;
	snprintf(path, sizeof(path), NIC_CLASS "/%s/queues/%.32s/%s", q->nic, name,
		 q->mask);
	if (doctor_read(q->d, path, mask, sizeof(mask)) > 0)
		q->steered += mask[strspn(mask, "0,")] != '\0';
	return 0;
}

static int queues_read(const struct doctor *d, const char *nic, const char *prefix,
		       const char *mask, struct queues *q, struct error *err)
{
	char path[64];
	int r;

	*q = (struct queues){ .d = d, .nic = nic, .prefix = prefix, .mask = mask };
	snprintf(path, sizeof(path), NIC_CLASS "/%s/queues", nic);
	r = file_list(d->root, path, queue_count, q);
	return r < 0 ? error_set(err, -r, "list /%s", path) : 0;
}

static int nic_queues(struct doctor *d, const char *nic, struct error *err)
{
	unsigned int want = d->plan.haproxy.processes;
	struct doctor_finding *f;
	struct queues q;
	int r = queues_read(d, nic, "rx-", "rps_cpus", &q, err);

	if (r < 0 || q.n >= want)
		return r;
	/* Software spreads them then, at the price of an interrupt between cores. */
	f = doctor_find(d, q.steered == q.n ? DOCTOR_NOTE : DOCTOR_WARNING);
	text_add(&f->what, "'%s' has %u receive queue%s for %u instances", nic, q.n,
		 q.n == 1 ? "" : "s", want);
	text_add(&f->read, "/" NIC_CLASS "/%s/queues: %u rx; rps_cpus set on %u of them",
		 nic, q.n, q.steered);
	text_add(&f->why, "The cores that serve no queue get their packets from another "
			  "one, which limits them all.");
	text_add(&f->mend,
		 "ethtool -L %s combined %u (or rx %u); `ethtool -l %s` tells what it "
		 "can have; without: echo MASK > /" NIC_CLASS "/%s/queues/rx-0/rps_cpus",
		 nic, want, want, nic, nic);
	return 0;
}

int doctor_nic_queues(struct doctor *d, struct error *err)
{
	const char *nic[SIDES];
	int n = doctor_nics(d, nic), r = 0;

	for (int i = 0; i < n && !r; i++)
		r = nic_queues(d, nic[i], err);
	return r;
}

static int nic_xps(struct doctor *d, const char *nic, struct error *err)
{
	struct doctor_finding *f;
	struct queues q;
	int r = queues_read(d, nic, "tx-", "xps_cpus", &q, err);

	if (r < 0 || q.n < 2 || q.steered == q.n)
		return r;
	f = doctor_find(d, DOCTOR_WARNING);
	text_add(&f->what, "XPS gives %u of %u transmit queues of '%s' no core",
		 q.n - q.steered, q.n, nic);
	text_add(&f->read, "/" NIC_CLASS "/%s/queues/tx-*/xps_cpus: %u of %u are zero",
		 nic, q.n - q.steered, q.n);
	text_add(&f->why,
		 "Cores then share a transmit queue, its lock and its completion "
		 "interrupt on a core that had nothing to do with the flow.");
	text_add(&f->mend,
		 "for each queue: echo MASK-OF-ITS-CORE > /" NIC_CLASS
		 "/%s/queues/tx-N/xps_cpus",
		 nic);
	return 0;
}

int doctor_nic_xps(struct doctor *d, struct error *err)
{
	const char *nic[SIDES];
	int n = doctor_nics(d, nic), r = 0;

	for (int i = 0; i < n && !r; i++)
		r = nic_xps(d, nic[i], err);
	return r;
}

/* ---- irqbalance */

struct balance {
	const struct doctor *d;
	long pid;           /* 0: none runs */
	char options[4096]; /* its command line, words parted by NULs */
	int length;
	struct text banned; /* options that would exempt what is not exempt yet */
};

static int balance_find(const char *name, void *arg)
{
	struct balance *b = arg;
	char path[64], comm[32];

	if (!isdigit((unsigned char)name[0]))
		return 0;
	snprintf(path, sizeof(path), "proc/%.16s/comm", name);
	if (doctor_read(b->d, path, comm, sizeof(comm)) < 0 || strcmp(comm, "irqbalance"))
		return 0;
	snprintf(path, sizeof(path), "proc/%.16s/cmdline", name);
	b->length = doctor_read(b->d, path, b->options, sizeof(b->options));
	b->pid = strtol(name, NULL, 10);
	return 1;
}

/* True where "--banirq=N", "--banirq N", "-iN" or "-i N" is among its words. */
static bool balance_banned(const struct balance *b, const char *irq)
{
	const char *end = b->options + (b->length > 0 ? b->length : 0), *value;

	for (const char *word = b->options; word < end; word += strlen(word) + 1) {
		if (!strncmp(word, "--banirq", 8))
			value = word[8] == '=' ? word + 9 : word + 8;
		else if (!strncmp(word, "-i", 2))
			value = word + 2;
		else
			continue;
		if (!*value)
			value = word + strlen(word) + 1;
		if (value < end && !strcmp(value, irq))
			return true;
	}
	return false;
}

/* What would have to be among its options for the NIC's vectors to stay. */
static void balance_nic(struct balance *b, const char *nic)
{
	_cleanup_free_ struct nic_vector *vector = NULL;
	struct error ignored;
	size_t n = 0;
	char irq[16];

	if (nic_vectors(b->d->root, nic, &vector, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		snprintf(irq, sizeof(irq), "%u", vector[i].irq);
		if (!balance_banned(b, irq))
			text_add(&b->banned, " --banirq=%s", irq);
	}
}

int doctor_irqbalance(struct doctor *d, struct error *err)
{
	_cleanup_free_ struct balance *b = memory_new(1, sizeof(*b));
	const char *nic[SIDES];
	struct doctor_finding *f;
	int n = doctor_nics(d, nic), r;

	b->d = d;
	r = file_list(d->root, "proc", balance_find, b);
	if (r < 0)
		return error_set(err, -r, "list /proc");
	for (int i = 0; i < n && b->pid; i++)
		balance_nic(b, nic[i]);
	if (b->banned.length) {
		f = doctor_find(d, DOCTOR_WARNING);
		text_add(&f->what, "irqbalance runs, and the NIC's interrupts are not "
				   "exempt");
		text_add(&f->read, "/proc/%ld/comm: irqbalance; not among its options:%s",
			 b->pid, b->banned.text);
		text_add(&f->why, "It moves interrupts every ten seconds, and with them "
				  "the flows away from their core and instance.");
		text_add(&f->mend,
			 "systemctl disable --now irqbalance; or exempt them: put "
			 "IRQBALANCE_ARGS=\"%s\" into /etc/default/irqbalance, then "
			 "systemctl restart irqbalance",
			 b->banned.text + 1);
	} else if (b->pid) {
		f = doctor_find(d, DOCTOR_NOTE);
		text_add(&f->what,
			 "irqbalance runs; the NIC's interrupts are exempt from "
			 "it, or it has none");
		text_add(&f->read, "/proc/%ld/comm: irqbalance", b->pid);
		text_add(&f->why, "It may still move other devices' interrupts onto the "
				  "instances' cores.");
		text_add(&f->mend, "systemctl disable --now irqbalance");
	}
	text_free(&b->banned);
	return 0;
}
