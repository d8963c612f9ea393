/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep rss`: queues, interrupts, CPUs and instances. */
#include <stdio.h>
#include <string.h>

#include "deploy/plumbing.h"
#include "deploy/steps.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/writer.h"

static int rss_plan(struct invocation *in, struct error *err)
{
	_cleanup_free_ struct placement *p = memory_new(1, sizeof(*p));
	struct config config;
	json_t *tree;
	int r = invocation_config(in, &config, err);

	if (r)
		return r;
	r = placement_read(&config, in->standin.topology ? &in->standin : NULL, false, p,
			   err);
	if (r < 0)
		return r;
	tree = placement_tree(p, NULL);
	r = writer_print(tree, in->json, stdout);
	json_decref(tree);
	return r;
}

static int rss_run(struct invocation *in, struct error *err)
{
	const char *verb = in->argc ? in->argv[0] : "";

	if (!strcmp(verb, "plan") && in->argc == 1)
		return rss_plan(in, err);
	return plumbing_run(in, GROUP_RSS, "plan, up, down or show", err);
}

const struct command command_rss = {
	.name = "rss",
	.arguments = "plan|up|down|show",
	.summary = "queues, interrupts and instances on the right CPUs",
	.description =
		"plan prints the placement of the configuration on this machine: each receive\n"
		"queue with its interrupt's CPU, the instance pinned to that CPU, the instance\n"
		"that accepts what the CPU receives with accept = cpu, and the CPUs that send by\n"
		"the queue. With --topology it plans for another machine, whose interfaces need\n"
		"not be here.\n"
		"up, down and show walk the steps of `hapep up` with the group rss, under the\n"
		"same journal.",
	.options =
		PLUMBING_OPTIONS | OPTION_TOPOLOGY | OPTION_NIC_NODE | OPTION_NIC_QUEUES,
	.words = "plan up down show",
	.exits = "plan: 0, 1 failed; " PLUMBING_EXITS,
	.run = rss_run,
};
