/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep rss`: queues, interrupts, CPUs and instances. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/blade.h"
#include "deploy/plumbing.h"
#include "deploy/rss_flow.h"
#include "deploy/steps.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/writer.h"

#define RSS_WORDS "plan, queue SRC:PORT DST:PORT, check, up, down or show"

static int rss_print(struct invocation *in, json_t *tree)
{
	int r = writer_print(tree, in->json, stdout);

	json_decref(tree);
	return r;
}

/* The file's, as `hapep up` would have it; without one, of a blade in service its own. */
static int plan_config(struct invocation *in, struct config *out, bool *recall,
		       struct error *err)
{
	_cleanup_free_ char *standard = memory_printf("/etc/hapep/%s.conf", in->name);

	*recall = !in->config && access(standard, F_OK) < 0 && errno == ENOENT &&
		  !placement_standin_given(&in->standin) &&
		  !blade_config(in->name, out, &(struct error){ 0 });
	return *recall ? EXIT_DONE : invocation_config(in, out, err);
}

static int plan_run(struct invocation *in, struct error *err)
{
	_cleanup_free_ struct placement *p = memory_new(1, sizeof(*p));
	int irq[SIDES * CONFIG_QUEUES_MAX];
	struct config config;
	bool recall;
	int r = plan_config(in, &config, &recall, err);

	if (r)
		return r;
	r = placement_read(&config, &in->standin, recall, p, err);
	if (r < 0)
		return r;
	if (placement_standin_given(&in->standin))
		return rss_print(in, placement_tree(p, NULL));
	r = placement_irqs(p, irq, err);
	if (r < 0)
		return r;
	return rss_print(in, placement_tree(p, irq));
}

static int queue_ends(struct invocation *in, struct flow *f, struct error *err)
{
	int r = flow_end_parse(in->argv[1], &f->source, err);

	if (!r)
		r = flow_end_parse(in->argv[2], &f->destination, err);
	if (!r && f->source.address.family != f->destination.address.family)
		r = error_say(err, 0, "both ends must be of one address family");
	return r;
}

static int queue_run(struct invocation *in, struct error *err)
{
	_cleanup_free_ struct rss_view *v = NULL;
	json_t *tree = NULL;
	struct flow f;
	int r, agree;

	if (queue_ends(in, &f, err) < 0)
		return EXIT_USAGE;
	r = rss_view_read(in, &v, err);
	if (r)
		return r;
	agree = rss_flow_tree(v, &f, &tree);
	r = rss_print(in, tree);
	return r < 0 ? r : agree > 0 ? EXIT_DONE : EXIT_FAILED;
}

static int check_run(struct invocation *in, struct error *err)
{
	_cleanup_free_ struct rss_view *v = NULL;
	_cleanup_free_ struct flow *live = NULL;
	json_t *tree = NULL;
	size_t n = 0;
	int agree, r = rss_view_read(in, &v, err);

	if (!r)
		r = rss_view_live(v, in->name, &live, &n, err);
	if (r)
		return r;
	agree = rss_flows_tree(v, live, n, &tree);
	r = rss_print(in, tree);
	return r < 0 ? r : agree > 0 ? EXIT_DONE : EXIT_FAILED;
}

static int rss_run(struct invocation *in, struct error *err)
{
	const char *verb = in->argc ? in->argv[0] : "";

	if (!strcmp(verb, "plan") && in->argc == 1)
		return plan_run(in, err);
	if (!strcmp(verb, "queue") && in->argc == 3)
		return queue_run(in, err);
	if (!strcmp(verb, "check") && in->argc == 1)
		return check_run(in, err);
	if (placement_standin_given(&in->standin)) {
		error_say(err, 0, "a stand-in goes with plan, queue and check alone");
		return EXIT_USAGE;
	}
	return plumbing_run(in, GROUP_RSS, RSS_WORDS, err);
}

const struct command command_rss = {
	.name = "rss",
	.arguments = "plan|queue SRC:PORT DST:PORT|check|up|down|show",
	.summary = "queues, interrupts and instances on the right CPUs",
	.description =
		"plan prints the placement of the configuration on this machine: each receive\n"
		"queue with its interrupt and CPU, the instance pinned to that CPU, the one that\n"
		"accepts what the CPU receives with accept = cpu, and the CPUs that send by the\n"
		"queue; and what did not fit. With --topology it plans for another machine.\n"
		"Where there is no file it is what a blade in service runs with.\n"
		"queue tells of a flow, from client SRC to server DST, on which queue, interrupt,\n"
		"core and instance each direction arrives by the interfaces' present key, table\n"
		"and affinities, and whether they agree.\n"
		"check does so for 4096 sampled flows of the service ports, and for those that\n"
		"are established in the namespace: the share whose directions agree, and how\n"
		"they spread over the queues.\n"
		"up, down and show walk the steps of `hapep up` with the group rss, under the\n"
		"same journal.",
	.options = PLUMBING_OPTIONS | OPTION_TOPOLOGY | OPTION_NIC_NODE |
		   OPTION_NIC_QUEUES | OPTION_NIC_RSS,
	.words = "plan queue check up down show",
	.exits =
		"plan: 0, 1 failed; queue, check: 0 the directions agree, 1 they do not, or "
		"it cannot be told; " PLUMBING_EXITS,
	.run = rss_run,
};
