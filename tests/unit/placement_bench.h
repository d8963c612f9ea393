/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machines that are not here and a NIC in them, for the tests of the placement. */
#ifndef TESTS_UNIT_PLACEMENT_BENCH_H
#define TESTS_UNIT_PLACEMENT_BENCH_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "deploy/placement.h"

#define PAPER   "synthetic:pack:2 [numa] l3:1 core:14 pu:2(indexes=core)"
#define NPS4    "synthetic:pack:2 group:4 [numa] l3:2 core:4 pu:2(indexes=core)"
#define LIMITED "tests/golden/placement/limited.xml"

static struct topology *machine(const char *source)
{
	struct topology *t = NULL;
	struct error err = { 0 };

	if (topology_read(source, &t, &err) < 0)
		fail_msg("%s: %s", source, err.msg);
	return t;
}

static struct placement_nic nic_on(int node, unsigned int queues, bool table)
{
	struct placement_nic nic = { .node = node,
				     .queues_most = queues,
				     .table = table };

	strcpy(nic.name, "eth0");
	return nic;
}

/* One NIC of enough queues on that node. The placement is static: it is large. */
static struct placement *place(const struct topology *t, const struct config *config,
			       int node)
{
	static struct placement p;
	struct placement_nic nic = nic_on(node, 0, true);
	struct error err = { 0 };

	if (placement_make(t, config, &nic, 1, false, &p, &err) < 0)
		fail_msg("%s", err.msg);
	return &p;
}

static inline bool says(const struct placement *p, const char *words)
{
	for (unsigned int i = 0; i < p->notes; i++) {
		if (strstr(p->note[i].text, words))
			return true;
	}
	return false;
}

#endif
