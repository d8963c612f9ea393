/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep netns` and `hapep tc`: a part of a blade alone. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/blade.h"
#include "deploy/dry_run.h"
#include "deploy/plumbing.h"
#include "deploy/status.h"
#include "deploy/steps.h"

static int plumbing_up(struct invocation *in, const char *group, struct error *err)
{
	struct blade_change change;
	struct config config;
	int r = invocation_config(in, &config, err);

	if (r)
		return r;
	if (in->dry_run)
		return dry_run_up(in, &config, group, err);
	r = blade_up(in->name, &config, group, &change, err);
	text_free(&change.differs);
	return r < 0 ? (change.incomplete ? EXIT_REMAINS : EXIT_FAILED) : EXIT_DONE;
}

static int plumbing_down(struct invocation *in, const char *group, struct error *err)
{
	int r;

	if (in->dry_run)
		return dry_run_down(in, group, err);
	r = blade_down(in->name, group, err);
	return r < 0 ? (r == -EBUSY ? EXIT_FAILED : EXIT_REMAINS) : EXIT_DONE;
}

static int plumbing_show(struct invocation *in, const char *group, struct error *err)
{
	json_t *tree = NULL;
	int r = status_ask(in->name, NULL, group, &tree, err);

	if (r < 0)
		return r;
	return status_print(tree, r, in->json, err);
}

int plumbing_run(struct invocation *in, const char *group, const char *words,
		 struct error *err)
{
	const char *verb = in->argc == 1 ? in->argv[0] : "";

	if (!strcmp(verb, "up"))
		return plumbing_up(in, group, err);
	if (!strcmp(verb, "down"))
		return plumbing_down(in, group, err);
	if (!strcmp(verb, "show"))
		return plumbing_show(in, group, err);
	error_say(err, 0, "expected %s, got '%s'", words, verb);
	return EXIT_USAGE;
}

static int netns_run(struct invocation *in, struct error *err)
{
	return plumbing_run(in, GROUP_NETNS, "up, down or show", err);
}

static int tc_run(struct invocation *in, struct error *err)
{
	return plumbing_run(in, GROUP_TC, "up, down or show", err);
}

const struct command command_netns = {
	.name = "netns",
	.arguments = "up|down|show",
	.summary = "the namespace alone: veths, addresses, routes, rules",
	.description =
		"Makes, removes or shows the proxy's network namespace with its veth pairs,\n"
		"sysctls, addresses, routes and rules: the steps of `hapep up` with the group\n"
		"netns, under the same journal. A later `hapep up` goes on from there.",
	.options = PLUMBING_OPTIONS,
	.words = "up down show",
	.exits = PLUMBING_EXITS,
	.run = netns_run,
};

const struct command command_tc = {
	.name = "tc",
	.arguments = "up|down|show",
	.summary = "the redirects alone, between NIC and namespace",
	.description =
		"Makes, removes or shows the NIC's settings and the filters that carry frames\n"
		"between the NIC and the namespace, which must be there (`hapep netns up`): the\n"
		"steps of `hapep up` with the group tc, under the same journal.",
	.options = PLUMBING_OPTIONS,
	.words = "up down show",
	.exits = PLUMBING_EXITS,
	.run = tc_run,
};
