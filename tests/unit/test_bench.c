/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what a benchmark decides by itself: which cases can be had, what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "deploy/bench.h"
#include "deploy/bench_result.h"
#include "deploy/scenario.h"

#define HOOKS                                                                            \
	"scenario NO-NF: a namespace has netfilter hooks from its birth: "               \
	"apparmor_ip_postroute, selinux_ip_forward"

/* A stock kernel whose security modules hook every namespace: no NO-NF, no iptables. */
static json_t *stock(void)
{
	return json_pack("{s:s,s:[{s:s,s:b,s:s},{s:s,s:b,s:s},{s:s,s:b,s:s},{s:s,s:b,"
			 "s:s}]}",
			 "blade", "pep0", SCENARIO_LIST, "scenario", "NO-NF", "possible",
			 0, "needs", HOOKS, "scenario", "NF-NO-IPT", "possible", 1,
			 "needs", "", "scenario", "NF-IPT (nft)", "possible", 1, "needs",
			 "", "scenario", "NF-IPT (iptables)", "possible", 0, "needs",
			 "no xt_TPROXY");
}

static bool possible(const json_t *scenarios, int scenario, int engine, const char *why)
{
	struct config config = { .scenario = scenario, .engine = engine };
	struct text reason = { 0 };
	bool yes = bench_scenario_possible(scenarios, &config, &reason);

	assert_string_equal(reason.text ? reason.text : "", why);
	text_free(&reason);
	return yes;
}

static void test_scenarios(void **state)
{
	json_t *scenarios = stock();

	(void)state;
	assert_false(possible(scenarios, SCENARIO_NO_NF, NETNS_ENGINE_NFT, HOOKS));
	assert_true(possible(scenarios, SCENARIO_NF_NO_IPT, NETNS_ENGINE_NFT, ""));
	assert_true(possible(scenarios, SCENARIO_NF_IPT, NETNS_ENGINE_NFT, ""));
	assert_false(possible(scenarios, SCENARIO_NF_IPT, NETNS_ENGINE_IPTABLES,
			      "no xt_TPROXY"));
	/* What the kernel did not speak of is tried. */
	assert_true(possible(scenarios, SCENARIO_SK_LOOKUP, NETNS_ENGINE_NFT, ""));
	json_decref(scenarios);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_scenarios) };

	return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
