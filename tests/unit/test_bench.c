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
#include "deploy/bench_asked.h"
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

static json_t *splice_row(const char *name, double percent, double low, double high)
{
	return json_pack("{s:s,s:s,s:f,s:f,s:f,s:f}", "case", name, "metric",
			 "cpu_s_per_gb", "percent", percent, "low", low, "high", high,
			 "confidence", 0.94);
}

/* The setting with the least regret; differences that are noise count for nothing. */
static void test_splice_rule(void **state)
{
	json_t *list = json_pack("[o,o,o,o,o]", splice_row("tcp on 8192", 2, 1, 3),
				 splice_row("tcp on 67108864", -50, -60, -40),
				 splice_row("tcp on 1024", 90, -1, 120),
				 splice_row("http on 8192", 30, 20, 40),
				 splice_row("http on 67108864", -10, -12, -8));
	json_t *result = json_pack("{s:o}", "comparisons", list), *lines = json_array();
	const char *tcp, *http;

	(void)state;
	bench_splice.remarks(result, lines);
	assert_int_equal(json_array_size(lines), 2);
	tcp = json_string_value(json_array_get(lines, 0));
	http = json_string_value(json_array_get(lines, 1));
	assert_non_null(strstr(tcp, "on costs at worst 2 per cent more"));
	assert_non_null(strstr(tcp, "off at worst 100 per cent"));
	assert_non_null(strstr(tcp, "at worst: on. splice = auto does so"));
	assert_non_null(strstr(http, "at worst: off. splice = auto does NOT"));
	json_array_clear(list);
	json_array_clear(lines);
	bench_splice.remarks(result, lines);
	assert_non_null(
		strstr(json_string_value(json_array_get(lines, 0)), "no recommendation"));
	json_decref(lines);
	json_decref(result);
}

static json_t *target_sample(const char *name, int round, double tps, double above)
{
	return json_pack("{s:s,s:i,s:{s:f,s:f}}", "case", name, "round", round, "metrics",
			 "tps", tps, "cpu_us", above);
}

/* Reached, not reached, not decided: by the whole interval of five rounds. */
static void test_targets(void **state)
{
	json_t *samples = json_array();
	json_t *result = json_pack("{s:{s:i},s:o,s:[]}", "options", "rounds", 5,
				   "samples", samples, "cases");
	const json_t *list;

	(void)state;
	for (int round = 1; round <= 5; round++) {
		json_array_append_new(samples,
				      target_sample("forwarding", round, 100, 50));
		json_array_append_new(
			samples, target_sample("hapep", round, 65 + round, 85 + round));
	}
	bench_result_summarise(result, &bench_peers);
	list = json_object_get(result, "targets");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(list, 0), "verdict")),
		"reached");
	/* 36 to 40 us above. */
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(list, 1), "verdict")),
		"reached");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(list, 2), "verdict")),
		"not measured");
	json_array_remove(samples, 9);
	json_array_append_new(samples, target_sample("hapep", 5, 60, 95));
	bench_result_summarise(result, &bench_peers);
	list = json_object_get(result, "targets");
	for (size_t i = 0; i < 2; i++)
		assert_non_null(strstr(json_string_value(json_object_get(
					       json_array_get(list, i), "verdict")),
				       "not decided"));
	json_decref(result);
}

static int asked(const struct bench_suite *suite, const struct bench_options *o)
{
	struct error err = { 0 };

	return bench_asked_check(suite, o, &err);
}

/* Names that there are; a profile needs the case that it sets the others beside. */
static void test_asked_names(void **state)
{
	struct bench_options o = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(asked(&bench_peers, &o), 0);
	for (size_t i = 0; i < bench_peers.cases_n; i++)
		assert_int_equal(
			bench_option_set("case", bench_peers.cases[i].name, &o, &err), 0);
	assert_int_equal(bench_option_set("case", "hapep", &o, &err), 0);
	assert_int_equal(o.cases_n, bench_peers.cases_n);
	assert_int_equal(asked(&bench_peers, &o), 0);
	assert_true(asked(&bench_table3, &o) < 0);
	o = (struct bench_options){ .profile = true, .cases = { "hapep" }, .cases_n = 1 };
	assert_true(asked(&bench_peers, &o) < 0);
	o.cases[o.cases_n++] = "forwarding";
	assert_int_equal(asked(&bench_peers, &o), 0);
}

/* Each benchmark's cases can all be named at once. */
static void test_asked_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < bench_suites_n; i++)
		assert_true(bench_suites[i]->cases_n <= BENCH_CASES);
}

static int resumed(const char *name, bool profile, const json_t *old)
{
	const struct bench_options o = { .cases = { name },
					 .cases_n = name != NULL,
					 .profile = profile };
	char directory[] = "run";
	struct bench b = { .suite = &bench_peers, .options = &o, .directory = directory };
	struct error err = { 0 };

	return bench_asked_same(&b, old, &err);
}

static void test_asked_resume(void **state)
{
	json_t *all = json_pack("{s:{}}", "options");
	json_t *one = json_pack("{s:{s:[s]}}", "options", "cases", "hapep");

	(void)state;
	assert_int_equal(resumed(NULL, true, all), 0);
	assert_int_equal(resumed(NULL, false, one), 0);
	assert_int_equal(resumed("hapep", false, one), 0);
	assert_true(resumed("relay", false, one) < 0);
	assert_true(resumed("hapep", false, all) < 0);
	assert_true(resumed(NULL, true, one) < 0);
	json_decref(all);
	json_decref(one);
}

/* What proxying costs, in parts: the differences of each round, and their verdicts. */
static void test_parts(void **state)
{
	static const char *const names[] = { "forwarding", "relay", "haproxy by rules",
					     "hapep" };
	static const double cpu[] = { 50, 86, 93, 108 };
	static const double parts[] = { 36, 7, 15 };
	json_t *samples = json_array();
	json_t *result = json_pack("{s:{s:i},s:o,s:[]}", "options", "rounds", 5,
				   "samples", samples, "cases");

	(void)state;
	for (int round = 1; round <= 5; round++) {
		/* A drift that hits all alike is in no difference. */
		for (size_t i = 0; i < BENCH_COUNT(names); i++)
			json_array_append_new(samples, target_sample(names[i], round, 100,
								     cpu[i] + 9 * round));
	}
	bench_result_summarise(result, &bench_peers);
	for (size_t i = 0; i < BENCH_COUNT(parts); i++) {
		const json_t *c =
			json_array_get(json_object_get(result, "comparisons"), i);

		assert_string_equal(bench_word(c, "metric"), "cpu_us");
		assert_string_equal(bench_word(c, "verdict"), "more");
		assert_true(bench_number(c, "difference") > parts[i] - 0.001 &&
			    bench_number(c, "high") < parts[i] + 0.001);
	}
	json_decref(result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),  cmocka_unit_test(test_splice_rule),
		cmocka_unit_test(test_targets),    cmocka_unit_test(test_asked_names),
		cmocka_unit_test(test_asked_room), cmocka_unit_test(test_asked_resume),
		cmocka_unit_test(test_parts)
	};

	return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
