/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what the scenarios need of this machine, and what NO-NF is in truth. */
#include "deploy/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"

/* What deploy/kernel/README.md says at length. */
#define STRICT_NEEDS                                                                      \
	"NO-NF (strict) needs a kernel built with CONFIG_NETFILTER=n, and this one has "  \
	"netfilter. On Debian: apt install linux-source build-essential bc bison flex "   \
	"libelf-dev libssl-dev dwarves rsync; share/hapep/kernel/build (deploy/kernel/"   \
	"build in the source) makes the package from the running kernel's own "           \
	"configuration with `make bindeb-pkg`; apt install ./linux-image-*-hapep_*.deb; " \
	"boot it"

static const char *const names[] = { "auto", "NO-NF", "NF-NO-IPT", "NF-IPT",
				     "SK-LOOKUP" };

const char *scenario_name(int scenario)
{
	return names[scenario];
}

int scenario_find(const char *name)
{
	for (int i = SCENARIO_NO_NF; i <= SCENARIO_SK_LOOKUP; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	return SCENARIO_AUTO;
}

static bool scenario_netfilter(void)
{
	return !access("/proc/net/netfilter", F_OK) ||
	       !access("/proc/sys/net/netfilter", F_OK);
}

int scenario_resolve(struct config *config, struct error *err)
{
	if (config->scenario == SCENARIO_AUTO)
		config->scenario =
			scenario_netfilter() ? SCENARIO_NF_NO_IPT : SCENARIO_NO_NF;
	if (config->scenario == SCENARIO_NO_NF && config->no_nf == NO_NF_STRICT &&
	    scenario_netfilter())
		return error_say(err, ENOTSUP,
				 "blade.no_nf: " STRICT_NEEDS ". Or set no_nf = "
				 "effective, which takes a namespace without hooks");
	return 0;
}

int scenario_check(int scenario, const struct netns_plan *p, struct error *err)
{
	int r = 0;

	if (scenario == SCENARIO_NO_NF && scenario_netfilter())
		r = netns_hooks_check(err);
	else if (scenario == SCENARIO_NF_IPT)
		r = netns_tproxy_check(p, err);
	else if (scenario == SCENARIO_SK_LOOKUP)
		r = netns_lookup_check(p, err);
	else if (scenario == SCENARIO_NF_NO_IPT && !scenario_netfilter())
		r = error_say(err, ENOTSUP,
			      "it needs a kernel with netfilter, and this one has none: "
			      "what runs here without a rule is NO-NF (strict)");
	return r < 0 ? error_wrap(err, "scenario %s", names[scenario]) : 0;
}

int scenario_verify(const struct step_context *c, struct error *err)
{
	int r = 0;

	if (c->config.scenario == SCENARIO_NO_NF && scenario_netfilter())
		r = netns_hooks_refuse(c->name, err);
	return r < 0 ? error_wrap(err, "scenario %s", names[SCENARIO_NO_NF]) : 0;
}

/* The two words of NO-NF, and on what ground. False where a hook belies it. */
static bool status_no_nf(const struct step_context *c, json_t *tree)
{
	_cleanup_text_ struct text hooks = { 0 };
	struct error err = { 0 };
	int n;

	if (!scenario_netfilter()) {
		json_object_set_new(tree, "scenario", json_string("NO-NF (strict)"));
		return true;
	}
	n = netns_hooks(c->name, &hooks, &err);
	json_object_set_new(tree, "scenario",
			    json_string(n > 0    ? "NO-NF (not in effect)"
					: n == 0 ? "NO-NF (effective)"
						 : "NO-NF (not checkable)"));
	if (n < 0)
		text_add(&hooks, "not checkable: %s", err.msg);
	json_object_set_new(tree, "netfilter_hooks",
			    json_string(hooks.length ? hooks.text : "none"));
	return n <= 0;
}

bool scenario_status(const struct step_context *c, json_t *tree)
{
	static const char *const engines[] = { "nft", "iptables" };
	char text[64];

	switch (c->config.scenario) {
	case SCENARIO_NO_NF:
		return status_no_nf(c, tree);
	case SCENARIO_NF_IPT:
		snprintf(text, sizeof(text), "NF-IPT (%s, proxy port %u)",
			 engines[c->config.engine], c->netns.proxy_port);
		break;
	case SCENARIO_SK_LOOKUP:
		snprintf(text, sizeof(text), "SK-LOOKUP (proxy port %u)",
			 c->netns.proxy_port);
		break;
	default:
		snprintf(text, sizeof(text), "%s", scenario_name(c->config.scenario));
	}
	json_object_set_new(tree, "scenario", json_string(text));
	return true;
}

const char *scenario_note(int scenario)
{
	if (scenario == SCENARIO_NO_NF)
		return scenario_netfilter() ? "effective only; " STRICT_NEEDS
					    : "strict: this kernel has no netfilter";
	return "";
}

static json_t *scenario_row(const char *name, int scenario, const struct netns_plan *p)
{
	struct error err = { 0 };
	bool possible = !scenario_check(scenario, p, &err);

	return json_pack("{s:s,s:b,s:s}", "scenario", name, "possible", possible, "needs",
			 possible ? scenario_note(scenario) : err.msg);
}

json_t *scenario_list(const struct netns_plan *p)
{
	struct netns_plan iptables = *p;
	json_t *list = json_array();

	iptables.engine = NETNS_ENGINE_IPTABLES;
	json_array_append_new(list, scenario_row("NO-NF", SCENARIO_NO_NF, p));
	json_array_append_new(list, scenario_row("NF-NO-IPT", SCENARIO_NF_NO_IPT, p));
	json_array_append_new(list, scenario_row("NF-IPT (nft)", SCENARIO_NF_IPT, p));
	json_array_append_new(
		list, scenario_row("NF-IPT (iptables)", SCENARIO_NF_IPT, &iptables));
	json_array_append_new(list, scenario_row("SK-LOOKUP", SCENARIO_SK_LOOKUP, p));
	return list;
}
