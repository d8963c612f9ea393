/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two real instances in a network namespace of the test's own, for the tests of what they
 * may do, how they die and how they are told from dead ones. */
#ifndef TESTS_UNIT_INSTANCE_BENCH_H
#define TESTS_UNIT_INSTANCE_BENCH_H

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "haproxy/haproxy.h"
#include "tests/unit/loopback.h"

#define BINARY   "/usr/sbin/haproxy"
#define PORT     18080
#define START_MS 10000

struct blade {
	struct haproxy_plan plan;
	struct haproxy_version version;
	struct haproxy_listeners *listeners;
	char dir[64], path[2][96];
	char probed[2][96]; /* the probes' sockets */
	int dirfd, log, stats[2], probe[2];
	pid_t pid[2];
};

static void must(int r, const struct error *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

/*
 * An instance accepts, but cannot connect: it would come back to itself for ever. Not
 * with a device bound, for then the kernel takes a failed lookup for "on link".
 */
static void connecting_prohibited(const struct haproxy_plan *p)
{
	const struct passwd *pw = getpwnam(p->user);
	char command[256];

	snprintf(
		command, sizeof(command),
		"PATH=$PATH:/usr/sbin:/sbin; ip rule add pref 1 uidrange %u-%u prohibit && "
		"ip rule add pref 2 lookup local && ip rule del pref 0",
		pw->pw_uid, pw->pw_uid);
	assert_int_equal(system(command), 0);
}

static void plan_fill(struct haproxy_plan *p)
{
	unsigned int n = 0;
	cpu_set_t set;

	*p = (struct haproxy_plan){
		.binary = BINARY,
		.processes = 2,
		.ipv4 = true,
		.ipv6 = true,
		.ports = { .range = { { PORT, PORT } }, .n = 1 },
		.maxconn = 100,
		.backlog = 64,
		.timeout_connect_ms = 1000,
		.timeout_idle_ms = 10000,
		.timeout_fin_ms = 1000,
	};
	snprintf(p->user, sizeof(p->user), getpwnam("haproxy") ? "haproxy" : "nobody");
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++) {
		if (CPU_ISSET(cpu, &set))
			p->cpu[n++] = cpu;
	}
	if (n == 1)
		p->cpu[1] = p->cpu[0];
	p->fd_limit = haproxy_fds_of(p);
}

static void blade_start(struct blade *b, unsigned int k)
{
	struct error err = { 0 };

	must(haproxy_instance_start(&b->plan, &b->version, k, b->listeners, -1,
				    b->stats[k], b->probe[k], b->log, &b->pid[k], &err),
	     &err);
}

static void blade_ready(const struct blade *b, unsigned int k, struct haproxy_stats *s)
{
	struct error err = { 0 };

	must(haproxy_stats_read(b->path[k], START_MS, s, &err), &err);
	assert_int_equal(s->pid, b->pid[k]);
}

static int blade_open(void **state)
{
	struct blade *b = calloc(1, sizeof(*b));
	struct error err = { 0 };

	assert_non_null(b);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	loopback_up();
	plan_fill(&b->plan);
	connecting_prohibited(&b->plan);
	must(haproxy_version_read(BINARY, &b->version, &err), &err);
	must(haproxy_plan_check(&b->plan, &b->version, &err), &err);
	must(haproxy_listeners_open(&b->plan, -1, true, &b->listeners, &err), &err);
	snprintf(b->dir, sizeof(b->dir), "/tmp/hapep-unit-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	b->dirfd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	b->log = openat(b->dirfd, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	for (unsigned int k = 0; k < 2; k++) {
		char name[16];

		snprintf(name, sizeof(name), "stats.%u", k);
		snprintf(b->path[k], sizeof(b->path[k]), "%s/%s", b->dir, name);
		b->stats[k] = haproxy_stats_listen(b->dirfd, name, &err);
		must(b->stats[k], &err);
		snprintf(name, sizeof(name), "probe.%u", k);
		snprintf(b->probed[k], sizeof(b->probed[k]), "%s/%s", b->dir, name);
		b->probe[k] = haproxy_probe_listen(b->dirfd, name, &err);
		must(b->probe[k], &err);
		blade_start(b, k);
	}
	*state = b;
	return 0;
}

static void reap(pid_t pid, int signal)
{
	int status;

	kill(pid, signal);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static int blade_close(void **state)
{
	struct blade *b = *state;

	for (unsigned int k = 0; k < 2; k++) {
		if (b->pid[k] > 0)
			reap(b->pid[k], SIGKILL);
		close(b->stats[k]);
		unlink(b->path[k]);
		close(b->probe[k]);
		unlink(b->probed[k]);
	}
	haproxy_listeners_close(b->listeners);
	unlinkat(b->dirfd, "log", 0);
	close(b->log);
	close(b->dirfd);
	rmdir(b->dir);
	free(b);
	return 0;
}

static bool can_run(void)
{
	return !geteuid() && !access(BINARY, X_OK);
}

#define BLADE_TEST(f) cmocka_unit_test_setup_teardown(f, blade_open, blade_close)

#endif
