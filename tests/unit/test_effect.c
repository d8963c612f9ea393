/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what a change of the configuration is said to do, and what auto stays at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "deploy/effect.h"

#define BASE                                                                             \
	"[client]\nnic = a\nvlan = 100\naddress = 10.1.0.2/24\ngateway = 10.1.0.1\n"     \
	"[server]\nnic = a\nvlan = 200\naddress = 10.2.0.2/24\ngateway = 10.2.0.1\n"

static struct config parse(const char *more)
{
	struct text faults = { 0 };
	struct config c;
	char text[2000];

	snprintf(text, sizeof(text), BASE "%s", more);
	if (config_parse("f", text, strlen(text), &c, &faults) < 0)
		fail_msg("%s", faults.text);
	return c;
}

/* A key that the effects do not know would change without a word. */
static void test_every_key(void **state)
{
	bool interrupts;

	(void)state;
	for (size_t i = 0; i < config_blade_table.n; i++) {
		const struct config_key *k = &config_blade_table.keys[i];
		struct config_change c = { k->section, k->key, "a", "b" };
		const char *text = effect_of(&c, false, &interrupts);

		if (!text || !text[0])
			fail_msg("%s.%s has no effect", k->section, k->key);
	}
	assert_null(effect_of(&(struct config_change){ "blade", "none", "a", "b" }, false,
			      &interrupts));
	assert_null(effect_of(&(struct config_change){ "service", "nic", "a", "b" },
			      false, &interrupts));
}

static bool queues; /* are set anew */

static bool interrupts(const char *section, const char *key, const char *from,
		       const char *to)
{
	struct config_change c = { section, key, from, to };
	bool yes = false;

	assert_non_null(effect_of(&c, queues, &yes));
	return yes;
}

static void test_interrupts(void **state)
{
	(void)state;
	assert_true(interrupts("blade", "datapath", "bpf", "mirred"));
	assert_true(interrupts("server", "vlan", "100", "none"));
	assert_true(interrupts("client", "address6", "none", "fd00::1/64"));
	assert_true(interrupts("client", "address", "10.0.0.1/8", "none"));
	assert_false(interrupts("client", "address", "10.0.0.1/8", "10.0.0.2/8"));
	assert_false(interrupts("blade", "scenario", "NO-NF", "SK-LOOKUP"));
	assert_false(interrupts("service", "ports", "80", "443"));
	assert_false(interrupts("timeouts", "idle", "1h", "2h"));
	assert_false(interrupts("placement", "queues", "auto", "4"));
	assert_false(interrupts("haproxy", "cpus", "0-1", "0-3"));
	queues = true;
	assert_true(interrupts("placement", "queues", "auto", "4"));
	assert_true(interrupts("haproxy", "cpus", "0-1", "0-3"));
	assert_false(interrupts("timeouts", "idle", "1h", "2h"));
	queues = false;
}

static void collect(const struct config_change *c, void *arg)
{
	text_line(arg, "%s.%s %s %s", c->section, c->key, c->from, c->to);
}

static void test_compare(void **state)
{
	struct config a = parse("[timeouts]\nidle = 1h\n"), b;
	struct text out = { 0 };

	(void)state;
	b = parse("congestion = bbr\n[service]\nports = 80, 443\n[timeouts]\nidle = 2h\n"
		  "[haproxy]\nprocesses = 3\n");
	config_compare(&a, &b, collect, &out);
	assert_string_equal(out.text, "server.congestion kernel bbr\n"
				      "service.ports 80 80,443\n"
				      "haproxy.processes auto 3\n"
				      "timeouts.idle 1h 2h\n");
	text_free(&out);
	config_compare(&a, &a, collect, &out);
	assert_int_equal(out.length, 0);
}

/* What was found for auto stays, until what it was found from changes. */
static void test_settle(void **state)
{
	struct config plain = parse(""), running = plain, wanted = plain;

	(void)state;
	running.scenario = SCENARIO_SK_LOOKUP;
	running.datapath = TC_DATAPATH_MIRRED;
	running.processes = 7;
	running.queues = 3;
	strcpy(running.cpus, "0-6");
	strcpy(running.queue_cpus, "0-3");
	running.maxconn = 1234;
	config_settle(&wanted, &plain, &running);
	assert_memory_equal(&wanted, &running, sizeof(wanted));

	wanted = parse("[blade]\nscenario = NO-NF\n");
	config_settle(&wanted, &plain, &running);
	assert_int_equal(wanted.scenario, SCENARIO_NO_NF);
	assert_int_equal(wanted.maxconn, 0); /* another number of sockets */

	wanted = parse("[haproxy]\ncpus = 0\n");
	config_settle(&wanted, &plain, &running);
	assert_int_equal(wanted.processes, 0);
	assert_int_equal(wanted.queues, 0);
	assert_string_equal(wanted.cpus, "0");

	/* More instances want other CPUs than those found for fewer. */
	wanted = parse("[haproxy]\nprocesses = 8\n");
	config_settle(&wanted, &plain, &running);
	assert_string_equal(wanted.cpus, "");
	assert_string_equal(wanted.queue_cpus, "");

	/* Given before, and now left to be found. */
	wanted = plain;
	plain.processes = 7;
	plain.maxconn = 1234;
	config_settle(&wanted, &plain, &running);
	assert_int_equal(wanted.processes, 0);
	assert_int_equal(wanted.maxconn, 0);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_settle),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}
