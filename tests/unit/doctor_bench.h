/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine made of files, for the tests of the doctor's checks. */
#ifndef TESTS_UNIT_DOCTOR_BENCH_H
#define TESTS_UNIT_DOCTOR_BENCH_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "deploy/doctor.h"
#include "deploy/scenario.h"

static char bench_root[] = "/tmp/hapep-doctor-XXXXXX";
static struct doctor bench;

/* Writes a file of the fixture, its directories too. */
__attribute__((format(printf, 2, 3))) static inline void put(const char *path,
							     const char *fmt, ...)
{
	char whole[256];
	va_list ap;
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", bench_root, path);
	for (char *p = whole + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(whole, 0700) < 0 && errno != EEXIST)
			fail_msg("mkdir %s", whole);
		*p = '/';
	}
	f = fopen(whole, "we");
	assert_non_null(f);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

static inline void remove_file(const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", bench_root, path);
	assert_int_equal(unlink(whole), 0);
}

/* A blade of two instances on CPUs 0 and 1 and one NIC, eth0, on an empty machine. */
static int bench_setup(void **state)
{
	(void)state;
	strcpy(bench_root + strlen(bench_root) - 6, "XXXXXX");
	if (!mkdtemp(bench_root))
		return -1;
	bench = (struct doctor){
		.name = "pep0",
		.up = true,
		.planned = true,
		.root = open(bench_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.nsfd = -1,
		.statefd = -1,
	};
	bench.inside = dup(bench.root);
	strcpy(bench.plan.name, "pep0");
	for (int s = 0; s < SIDES; s++) {
		strcpy(bench.plan.nic[s].name, "eth0");
		strcpy(bench.plan.netns.side[s].inner, s ? "server" : "client");
	}
	bench.plan.config.scenario = SCENARIO_NF_NO_IPT;
	bench.plan.netns.ports = (struct ports){ .range = { { 80, 80 } }, .n = 1 };
	bench.plan.haproxy.processes = 2;
	bench.plan.haproxy.cpu[1] = 1;
	bench.plan.haproxy.ports = bench.plan.netns.ports;
	bench.plan.haproxy.maxconn = 1000;
	bench.plan.haproxy.backlog = 1024;
	strcpy(bench.plan.haproxy.user, "haproxy");
	return bench.root < 0 || bench.inside < 0 ? -1 : 0;
}

static int bench_teardown(void **state)
{
	char line[128];

	(void)state;
	doctor_free(&bench);
	close(bench.root);
	close(bench.inside);
	snprintf(line, sizeof(line), "rm -rf '%s'", bench_root);
	return system(line);
}

/* Runs one check anew; what it comes to, as the table has it. */
static inline const char *result(const char *check)
{
	static char word[16];
	json_t *rows, *row;
	size_t i;

	doctor_free(&bench);
	rows = doctor_run(&bench);
	word[0] = '\0';
	json_array_foreach(rows, i, row)
	{
		if (!strcmp(json_string_value(json_object_get(row, "check")), check))
			snprintf(word, sizeof(word), "%s",
				 json_string_value(json_object_get(row, "result")));
	}
	json_decref(rows);
	return word;
}

/* The last run's only finding of a check, all its texts together. */
static inline const char *told(const char *check)
{
	static char all[4096];
	unsigned int n = 0;

	for (size_t i = 0; i < bench.n; i++) {
		const struct doctor_finding *f = &bench.finding[i];

		if (strcmp(f->check, check) != 0)
			continue;
		n++;
		assert_true(f->what.length && f->read.length && f->why.length &&
			    f->mend.length);
		snprintf(all, sizeof(all), "%s|%s|%s|%s", f->what.text, f->read.text,
			 f->why.text, f->mend.text);
	}
	assert_int_equal(n, 1);
	return all;
}

#define assert_told(check, words) assert_non_null(strstr(told(check), words))

#define CHECK(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

#endif
