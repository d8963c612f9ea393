/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what real instances may do, how they die, and that nobody is lost meanwhile.
 * Needs root and HAProxy, else it skips. */
#include <arpa/inet.h>
#include <dirent.h>
#include <sys/prctl.h>

#include "tests/unit/instance_bench.h"

/* The value of a field of /proc/PID/status. */
static void status_field(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	out[0] = '\0';
	while (fgets(line, sizeof(line), f)) {
		size_t n = strlen(name);

		if (!strncmp(line, name, n) && line[n] == ':')
			snprintf(out, size, "%s",
				 line + n + 1 + strspn(line + n + 1, " \t"));
	}
	out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

static void status_is(pid_t pid, const char *name, const char *wanted)
{
	char found[256];

	status_field(pid, name, found, sizeof(found));
	if (strcmp(found, wanted) != 0)
		fail_msg("%s of instance %d: expected '%s', found '%s'", name, pid,
			 wanted, found);
}

static unsigned int entries(pid_t pid, const char *what)
{
	unsigned int n = 0;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	d = opendir(path);
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void other_namespace(pid_t pid, const char *kind, bool wanted)
{
	char path[64], theirs[64] = "", ours[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	assert_true(readlink(path, theirs, sizeof(theirs) - 1) > 0);
	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	assert_true(readlink(path, ours, sizeof(ours) - 1) > 0);
	assert_int_equal(strcmp(theirs, ours) != 0, wanted);
}

/* Bits 13 (CAP_NET_RAW) and 18 (CAP_SYS_CHROOT), in every set and the ambient one. */
static void test_privileges(void **state)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd",
					    "CapAmb" };
	struct blade *b = *state;
	struct haproxy_stats s;
	char ids[64];
	const struct passwd *pw = getpwnam(b->plan.user);

	for (unsigned int k = 0; k < 2; k++) {
		blade_ready(b, k, &s);
		for (size_t i = 0; i < 5; i++)
			status_is(b->pid[k], sets[i], "0000000000042000");
		status_is(b->pid[k], "NoNewPrivs", "1");
		status_is(b->pid[k], "Seccomp", "2");
		snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", pw->pw_uid, pw->pw_uid,
			 pw->pw_uid, pw->pw_uid);
		status_is(b->pid[k], "Uid", ids);
		status_is(b->pid[k], "Groups", "");
		snprintf(ids, sizeof(ids), "%u", b->plan.cpu[k]);
		status_is(b->pid[k], "Cpus_allowed_list", ids);
		status_is(b->pid[k], "Threads", "1");
		assert_int_equal(entries(b->pid[k], "root"), 0);
		/* three streams, configuration, stats, probe, a socket; HAProxy's epoll
		 * and pipe; and for a moment the connection that asked for the stats */
		for (int tries = 0; tries < 100 && entries(b->pid[k], "fd") > 10; tries++)
			usleep(10000);
		assert_int_equal(entries(b->pid[k], "fd"), 10);
		other_namespace(b->pid[k], "mnt", true);
		other_namespace(b->pid[k], "net", false);
	}
}

static int client(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(PORT),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Both instances die; clients connect all the same, and the successors serve them. */
static void test_queue(void **state)
{
	unsigned long long after = 0;
	struct blade *b = *state;
	struct haproxy_stats s;
	int fd[20];

	for (unsigned int k = 0; k < 2; k++) {
		blade_ready(b, k, &s);
		reap(b->pid[k], SIGKILL);
		assert_int_equal(haproxy_listeners_queued(b->listeners, k), 0);
	}
	for (int i = 0; i < 20; i++)
		fd[i] = client();
	assert_int_equal(haproxy_listeners_queued(b->listeners, 0) +
				 haproxy_listeners_queued(b->listeners, 1),
			 20);
	for (unsigned int k = 0; k < 2; k++) {
		blade_start(b, k);
		blade_ready(b, k, &s);
	}
	for (int tries = 0; tries < 500 && after < 20; tries++) {
		after = 0;
		for (unsigned int k = 0; k < 2; k++) {
			blade_ready(b, k, &s);
			after += s.total_connections;
		}
		usleep(10000);
	}
	assert_int_equal(after, 20);
	for (unsigned int k = 0; k < 2; k++)
		assert_int_equal(haproxy_listeners_queued(b->listeners, k), 0);
	for (int i = 0; i < 20; i++)
		close(fd[i]);
}

/* SIGUSR1 ends an instance softly; the socket that it shared with us listens on. */
static void test_soft_stop(void **state)
{
	struct blade *b = *state;
	struct haproxy_stats s;
	int fd[8];

	for (unsigned int k = 0; k < 2; k++) {
		blade_ready(b, k, &s);
		reap(b->pid[k], SIGUSR1);
		b->pid[k] = 0;
	}
	for (int i = 0; i < 8; i++)
		fd[i] = client();
	assert_int_equal(haproxy_listeners_queued(b->listeners, 0) +
				 haproxy_listeners_queued(b->listeners, 1),
			 8);
	for (int i = 0; i < 8; i++)
		close(fd[i]);
}

/* A supervisor that is killed takes its instances with it. */
static void test_parent_dies(void **state)
{
	struct blade *b = *state;
	struct haproxy_stats s;
	int pipes[2], status;
	pid_t parent, orphan;

	blade_ready(b, 0, &s);
	reap(b->pid[0], SIGKILL);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	assert_int_equal(pipe(pipes), 0);
	parent = fork();
	if (!parent) {
		blade_start(b, 0);
		if (write(pipes[1], &b->pid[0], sizeof(b->pid[0])) < 0)
			_exit(1);
		pause();
	}
	assert_int_equal(read(pipes[0], &orphan, sizeof(orphan)), sizeof(orphan));
	b->pid[0] = orphan;
	blade_ready(b, 0, &s);
	reap(parent, SIGKILL);
	assert_int_equal(waitpid(orphan, &status, 0), orphan);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	b->pid[0] = 0;
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	close(pipes[0]);
	close(pipes[1]);
}

static void start_fails(struct blade *b, const struct haproxy_plan *p, int code,
			const char *words)
{
	struct error err = { 0 };
	pid_t pid = -7;
	int r = haproxy_instance_start(p, &b->version, 0, b->listeners, -1, b->stats[0],
				       b->probe[0], b->log, &pid, &err);

	if (r != -code || !strstr(err.msg, words))
		fail_msg("expected %d and '%s', got %d and '%s'", -code, words, r,
			 err.msg);
	assert_int_equal(pid, -7);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* nothing left to reap */
}

static void test_start_fails(void **state)
{
	struct blade *b = *state;
	struct haproxy_plan p = b->plan;

	snprintf(p.binary, sizeof(p.binary), "/nonexistent/haproxy");
	start_fails(b, &p, ENOENT, "run /nonexistent/haproxy");
	p = b->plan;
	snprintf(p.user, sizeof(p.user), "no-such-user");
	start_fails(b, &p, ENOENT, "'no-such-user'");
	p = b->plan;
	p.fd_limit = 2000000000;
	start_fails(b, &p, EPERM, "2000000000 descriptors");
	p = b->plan;
	p.cpu[0] = CPU_SETSIZE - 1;
	start_fails(b, &p, EINVAL, "CPU 1023");
}

static void test_check(void **state)
{
	struct blade *b = *state;
	struct haproxy_plan p = b->plan;
	struct error err = { 0 };

	must(haproxy_check_all(&p, &b->version, b->listeners, &err), &err);
	p.user[0] = '\0';
	must(haproxy_instance_check(&p, &b->version, 1, b->listeners, &err), &err);
	snprintf(p.server_side, sizeof(p.server_side), "a b");
	assert_int_equal(haproxy_check_all(&p, &b->version, b->listeners, &err), -EINVAL);
	if (!strstr(err.msg, "line ") || !strstr(err.msg, "'b'"))
		fail_msg("%s", err.msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BLADE_TEST(test_privileges),  BLADE_TEST(test_queue),
		BLADE_TEST(test_soft_stop),   BLADE_TEST(test_parent_dies),
		BLADE_TEST(test_start_fails), BLADE_TEST(test_check),
	};

	if (!can_run()) {
		puts("skip haproxy_instance: needs root and " BINARY);
		return 0;
	}
	return cmocka_run_group_tests_name("haproxy_instance", tests, NULL, NULL);
}
