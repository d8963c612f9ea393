/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scenarios: their names, what each needs here, how the one in service stands. */
#ifndef DEPLOY_SCENARIO_H
#define DEPLOY_SCENARIO_H

#include <jansson.h>

#include "deploy/plan.h"

const char *scenario_name(int scenario);
/* SCENARIO_AUTO where there is none of that name. */
int scenario_find(const char *name);

/* Makes auto what the kernel is. Refuses NO-NF (strict) where it has netfilter. */
int scenario_resolve(struct config *config, struct error *err);

/*
 * Whether this machine takes the scenario (not auto), by trying it in a namespace made
 * for the purpose. Takes root. err says what it would need.
 */
int scenario_check(int scenario, const struct netns_plan *p, struct error *err);

/* Of a blade in service: -ENOTSUP where it is in NO-NF and its namespace has a hook. */
int scenario_verify(const struct step_context *c, struct error *err);

/*
 * Sets "scenario" in tree, as in "NO-NF (strict)" or "NF-IPT (nft, proxy port 1234)",
 * and with NO-NF on a kernel that has netfilter "netfilter_hooks", asked just now:
 * "none", their names, or why they cannot be asked for. False where a hook belies it.
 */
bool scenario_status(const struct step_context *c, json_t *tree);

/* What a scenario would be here, and what more there is to it; "": nothing to say. */
const char *scenario_note(int scenario);

/* The member of `hapep scenario --json` that has scenario_list(). */
#define SCENARIO_LIST "here"

/* For each scenario what status says of it: [{"scenario", "possible", "needs"}]. */
json_t *scenario_list(const struct netns_plan *p);

#endif
