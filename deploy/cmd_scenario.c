/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep scenario`: which one is in service, and which are possible here. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/blade.h"
#include "deploy/command.h"
#include "deploy/preflight.h"
#include "deploy/scenario.h"
#include "helpers/writer.h"

/* Trying a scenario takes any plan with ports and addresses of both families. */
static void scenario_trial(struct netns_plan *p)
{
	*p = (struct netns_plan){ .proxy_port = 1234,
				  .ports = { .range = { { 80, 80 }, { 8000, 8100 } },
					     .n = 2 } };
	for (int s = 0; s < SIDES; s++) {
		snprintf(p->side[s].inner, sizeof(p->side[s].inner), "side%d", s);
		p->side[s].address[FAMILY_IPV4] =
			(struct prefix){ .family = AF_INET,
					 .length = 32,
					 .bytes = { 192, 0, 2, (unsigned char)s } };
		p->side[s].address[FAMILY_IPV6] = (struct prefix){
			.family = AF_INET6,
			.length = 128,
			.bytes = { 0x20, 1, 0xd, 0xb8, [15] = (unsigned char)(s + 1) }
		};
	}
}

static int scenario_present(const char *name, json_t *tree, struct error *err)
{
	struct step_context plan;
	struct config running;
	int r = blade_config(name, &running, err);

	if (r == -ENOENT) {
		json_object_set_new(tree, "scenario", json_string("none: it is down"));
		return 0;
	}
	if (!r)
		r = plan_recall(name, &running, &plan, err);
	if (!r)
		scenario_status(&plan, tree);
	return r;
}

/* Switching a blade in service is not what this version can do. */
static int scenario_refuse(const struct invocation *in, struct error *err)
{
	if (in->argc > 1 || scenario_find(in->argv[0]) == SCENARIO_AUTO)
		error_say(err, 0,
			  "expected NO-NF, NF-NO-IPT, NF-IPT, SK-LOOKUP or nothing, got "
			  "'%.60s'",
			  in->argc > 1 ? in->argv[1] : in->argv[0]);
	else
		error_say(err, 0,
			  "this version cannot switch a blade in service: set scenario = "
			  "%s in its configuration, then `hapep down` and `hapep up`",
			  in->argv[0]);
	return EXIT_USAGE;
}

static int scenario_run(struct invocation *in, struct error *err)
{
	struct netns_plan trial;
	json_t *tree;
	int r;

	if (in->argc)
		return scenario_refuse(in, err);
	r = preflight_privileges(err);
	if (r < 0)
		return r;
	tree = json_pack("{s:s}", "blade", in->name);
	r = scenario_present(in->name, tree, err);
	if (!r) {
		scenario_trial(&trial);
		json_object_set_new(tree, "here", scenario_list(&trial));
		r = writer_print(tree, in->json, stdout);
		if (r < 0)
			error_set(err, -r, "write the scenarios");
	}
	json_decref(tree);
	return r;
}

const struct command command_scenario = {
	.name = "scenario",
	.arguments = "",
	.summary = "which scenario is in service, and which are possible here",
	.description =
		"Prints the scenario in service and, for each of the four (NF-IPT with each\n"
		"engine), whether this machine can serve it, found out by trying it in a\n"
		"namespace made for the purpose, and what it would need. The configuration\n"
		"chooses; this version does not switch a blade in service.",
	.options = OPTION_NAME | OPTION_JSON,
	.words = "",
	.run = scenario_run,
};
