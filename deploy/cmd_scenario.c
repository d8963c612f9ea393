/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep scenario`: switching it in service, and which are possible here. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/blade.h"
#include "deploy/command.h"
#include "deploy/dry_run.h"
#include "deploy/preflight.h"
#include "deploy/scenario.h"
#include "helpers/log.h"
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

/* `NF-IPT iptables`: the engine may follow where there is one. */
static int scenario_argument(const struct invocation *in, int *scenario, int *engine,
			     struct error *err)
{
	const char *second = in->argc > 1 ? in->argv[1] : "";

	*scenario = scenario_find(in->argv[0]);
	*engine = -1;
	if (*scenario == SCENARIO_AUTO)
		return error_say(err, EINVAL,
				 "expected NO-NF, NF-NO-IPT, NF-IPT [nft|iptables], "
				 "SK-LOOKUP or nothing, got '%.60s'",
				 in->argv[0]);
	if (*scenario == SCENARIO_NF_IPT && !strcmp(second, "nft"))
		*engine = NETNS_ENGINE_NFT;
	else if (*scenario == SCENARIO_NF_IPT && !strcmp(second, "iptables"))
		*engine = NETNS_ENGINE_IPTABLES;
	if (in->argc > 2 || (in->argc > 1 && *engine < 0))
		return error_say(err, EINVAL, "unexpected argument '%.60s' after '%s'",
				 in->argv[in->argc > 2 && *engine >= 0 ? 2 : 1],
				 in->argv[0]);
	return 0;
}

static int scenario_foresee(const struct invocation *in, int scenario, int engine,
			    struct error *err)
{
	struct config wanted;
	bool differs;
	int r = blade_wanted(in->name, &wanted, err);

	if (r < 0)
		return r;
	wanted.scenario = scenario;
	wanted.engine = engine < 0 ? wanted.engine : engine;
	return dry_run_change(in, &wanted, &differs, err);
}

static int scenario_told(const struct invocation *in, int scenario,
			 const struct blade_change *change, struct error *err)
{
	json_t *tree;
	int r;

	if (!in->json && !change->differs.length)
		log_info("blade '%s' is in scenario %s already: nothing changed",
			 in->name, scenario_name(scenario));
	else if (!in->json)
		log_info("blade '%s' in scenario %s after %.2f s: %s", in->name,
			 scenario_name(scenario), change->seconds, change->differs.text);
	if (!in->json && scenario_note(scenario)[0])
		log_info("%s", scenario_note(scenario));
	if (!in->json)
		return 0;
	tree = json_pack("{s:s,s:s,s:s,s:f}", "blade", in->name, "scenario",
			 scenario_name(scenario), "changed",
			 change->differs.length ? change->differs.text : "", "seconds",
			 change->seconds);
	r = writer_print(tree, true, stdout);
	json_decref(tree);
	return r < 0 ? error_set(err, -r, "write the scenario") : 0;
}

static int scenario_down(const struct invocation *in, int r, struct error *err)
{
	if (r != -ENOENT)
		return r;
	return error_say(err, ENOENT,
			 "blade '%s' is down: set scenario = %s in its configuration and "
			 "run `hapep up`",
			 in->name, in->argv[0]);
}

static int scenario_switch(const struct invocation *in, struct error *err)
{
	struct blade_change change = { 0 };
	int scenario, engine;
	int r = scenario_argument(in, &scenario, &engine, err);

	if (r < 0)
		return EXIT_USAGE;
	if (in->dry_run)
		return scenario_down(in, scenario_foresee(in, scenario, engine, err),
				     err);
	r = blade_switch(in->name, scenario, engine, &change, err);
	if (!r)
		r = scenario_told(in, scenario, &change, err);
	text_free(&change.differs);
	if (r < 0 && change.incomplete)
		return EXIT_REMAINS;
	return scenario_down(in, r, err);
}

static int scenario_run(struct invocation *in, struct error *err)
{
	struct netns_plan trial;
	json_t *tree;
	int r;

	if (in->argc)
		return scenario_switch(in, err);
	if (in->dry_run)
		return error_say(err, 0, "--dry-run goes with a scenario to switch to"),
		       EXIT_USAGE;
	r = preflight_privileges(err);
	if (r < 0)
		return r;
	tree = json_pack("{s:s}", "blade", in->name);
	r = scenario_present(in->name, tree, err);
	if (!r) {
		scenario_trial(&trial);
		json_object_set_new(tree, SCENARIO_LIST, scenario_list(&trial));
		r = writer_print(tree, in->json, stdout);
		if (r < 0)
			error_set(err, -r, "write the scenarios");
	}
	json_decref(tree);
	return r;
}

const struct command command_scenario = {
	.name = "scenario",
	.arguments = "[NO-NF | NF-NO-IPT | NF-IPT [nft | iptables] | SK-LOOKUP]",
	.summary = "switch the scenario in service; which are possible here",
	.description =
		"Switches a blade in service to the scenario named: what it needs stands before\n"
		"what the former one needed goes, and connections end where they began. If it\n"
		"fails, the former scenario serves on. The configuration file stays as it is: a\n"
		"later `hapep up` keeps the scenario where the file says auto, and goes to the\n"
		"file's where it names one.\n"
		"Without an argument: prints the scenario in service and, for each of the four\n"
		"(NF-IPT with each engine), whether this machine can serve it, found out by\n"
		"trying it in a namespace made for the purpose, and what it would need.",
	.options = OPTION_NAME | OPTION_JSON | OPTION_DRY_RUN,
	.words = "NO-NF NF-NO-IPT NF-IPT SK-LOOKUP",
	.run = scenario_run,
};
