/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests real instances in a network namespace of the test's own: what they may do, how
 * they die, and that nobody is lost meanwhile. Needs root and HAProxy, else it skips. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "haproxy/haproxy.h"

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

static void loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	close(fd);
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

static bool can_run(void)
{
	return !geteuid() && !access(BINARY, X_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_privileges, blade_open, blade_close),
		cmocka_unit_test_setup_teardown(test_queue, blade_open, blade_close),
		cmocka_unit_test_setup_teardown(test_soft_stop, blade_open, blade_close),
		cmocka_unit_test_setup_teardown(test_parent_dies, blade_open,
						blade_close),
		cmocka_unit_test_setup_teardown(test_start_fails, blade_open,
						blade_close),
		cmocka_unit_test_setup_teardown(test_check, blade_open, blade_close),
		cmocka_unit_test_setup_teardown(test_probe, blade_open, blade_close),
	};

	if (!can_run()) {
		puts("skip haproxy_instance: needs root and " BINARY);
		return 0;
	}
	return cmocka_run_group_tests_name("haproxy_instance", tests, NULL, NULL);
}
