/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests that an instance which proxies nothing is told from one that does. Needs root and
 * HAProxy, else it skips. */
#include <sys/resource.h>

#include "tests/unit/instance_bench.h"

/* Cut off, be it before the question was put. */
static bool cut_off(int r)
{
	return r == -EPIPE || r == -ECONNRESET;
}

/* What comes of a question; responder: NULL where nobody answers it. */
static int probe_answer(const char *path, enum haproxy_probe about,
			struct haproxy_responder *responder)
{
	int fd = haproxy_probe_ask(path, about), r = fd < 0 ? fd : -EAGAIN;

	for (int tries = 0; tries < 600 && r == -EAGAIN; tries++) {
		usleep(10000);
		if (responder)
			haproxy_responder_answer(responder);
		r = haproxy_probe_hear(fd, about);
	}
	if (fd >= 0)
		close(fd);
	return r;
}

/*
 * A descriptor is left for a client's connection, and none for the one to the server. As
 * its own user, who needs no CAP_SYS_RESOURCE for it.
 */
static void leave_one_descriptor(const struct blade *b, unsigned int k)
{
	const struct passwd *pw = getpwnam(b->plan.user);
	struct rlimit limit = { 0, b->plan.fd_limit };
	char path[64];
	int status;
	pid_t pid;

	do {
		snprintf(path, sizeof(path), "/proc/%d/fd/%u", b->pid[k],
			 (unsigned int)limit.rlim_cur++);
	} while (!faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW));
	pid = fork();
	if (!pid)
		_exit(setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
		      setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0 ||
		      prlimit(b->pid[k], RLIMIT_NOFILE, &limit, NULL) < 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* One that lives, and accepts, and proxies nothing is told from one that does. */
static void test_probe(void **state)
{
	struct haproxy_responder *responder = NULL, *second = NULL;
	struct blade *b = *state;
	struct error err = { 0 };
	struct haproxy_stats s;
	int r;

	must(haproxy_responder_open(-1, &responder, &err), &err);
	assert_int_equal(haproxy_responder_open(-1, &second, &err), -EADDRINUSE);
	for (unsigned int k = 0; k < 2; k++)
		blade_ready(b, k, &s);
	assert_int_equal(probe_answer(b->path[0], HAPROXY_PROBE_LIFE, NULL), 0);
	assert_int_equal(probe_answer(b->probed[0], HAPROXY_PROBE_PROXY, responder), 0);
	assert_int_equal(probe_answer(b->probed[0], HAPROXY_PROBE_PROXY, NULL),
			 -ECONNRESET); /* its own time limit */
	leave_one_descriptor(b, 0);
	assert_int_equal(probe_answer(b->path[0], HAPROXY_PROBE_LIFE, NULL), 0);
	r = probe_answer(b->probed[0], HAPROXY_PROBE_PROXY, responder);
	assert_true(cut_off(r));
	assert_int_equal(probe_answer(b->probed[1], HAPROXY_PROBE_PROXY, responder), 0);
	haproxy_responder_close(responder);
	r = probe_answer(b->probed[1], HAPROXY_PROBE_PROXY, NULL);
	assert_true(cut_off(r));
	blade_ready(b, 0, &s);
	assert_int_equal(s.total_connections, 0); /* none of it counts */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BLADE_TEST(test_probe),
	};

	if (!can_run()) {
		puts("skip haproxy_probe: needs root and " BINARY);
		return 0;
	}
	return cmocka_run_group_tests_name("haproxy_probe", tests, NULL, NULL);
}
