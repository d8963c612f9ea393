/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests asking an instance what it counts: the text, the socket, the time limit. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "haproxy/haproxy.h"

#define HEAD "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,\n"
#define LINE "client_side,FRONTEND,,,3,9,4000,123456789012,777,888,0,\n"
#define INFO                                                                             \
	"Name: HAProxy\nVersion: 2.6.12-1+deb12u4\nPid: 4711\nUptime: 0d 0h00m07s\n"     \
	"Uptime_sec: 7\nUlimit-n: 225\nMaxsock: 225\nMaxconn: 100\nHard_maxconn: 99\n"   \
	"CurrConns: 5\nCumConns: 9\nPipesUsed: 2\nPipesFree: 1\n\n"

static const char good[] = INFO HEAD LINE "server_side,origin,0,0,1,1,,5,6,7,,\n\n";

static void test_parse(void **state)
{
	struct error err = { 0 };
	struct haproxy_stats s;

	(void)state;
	assert_int_equal(haproxy_stats_parse(good, &s, &err), 0);
	assert_int_equal(s.pid, 4711);
	assert_int_equal(s.uptime_s, 7);
	assert_int_equal(s.max_connections, 100);
	assert_int_equal(s.pipes_used, 2);
	assert_int_equal(s.current_connections, 3);
	assert_true(s.total_connections == 123456789012ULL);
	assert_int_equal(s.bytes_in, 777);
	assert_int_equal(s.bytes_out, 888);
}

/* Kept connections to servers, where the configuration has them. */
static void test_reused(void **state)
{
	static const char text[] = INFO
		"# pxname,svname,stot,bin,bout,scur,reuse,\n"
		"client_side,FRONTEND,9,1,2,3,,\n"
		"server_reused,origin,8,1,2,0,41,\nserver_reused,BACKEND,8,1,2,0,42,\n\n";
	struct error err = { 0 };
	struct haproxy_stats s;

	(void)state;
	assert_int_equal(haproxy_stats_parse(good, &s, &err), 0);
	assert_false(s.reuses);
	assert_int_equal(haproxy_stats_parse(text, &s, &err), 0);
	assert_true(s.reuses);
	assert_int_equal(s.reused, 42);
}

static void garbage(const char *text)
{
	struct haproxy_stats s = { .pid = 1 };
	struct error err = { 0 };

	assert_int_equal(haproxy_stats_parse(text, &s, &err), -EPROTO);
	assert_int_equal(s.pid, 1);
}

static void test_garbage(void **state)
{
	(void)state;
	garbage("");
	garbage("\n\n");
	garbage("Unknown command: 'show info'\n");
	garbage("Pid: 0\n" HEAD LINE);
	garbage("XPid: 12\n" HEAD LINE);
	garbage(INFO);
	garbage(INFO HEAD "other,FRONTEND,,,3,9,4000,1,777,888,0,\n");
	garbage(INFO HEAD "client_side,FRONTEND,\n");
	garbage(INFO LINE);
}

struct fake {
	char dir[64], path[96];
	int dirfd, fd;
};

static void fake_open(struct fake *f)
{
	struct error err = { 0 };

	snprintf(f->dir, sizeof(f->dir), "/tmp/hapep-unit-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->dirfd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->dirfd >= 0);
	f->fd = haproxy_stats_listen(f->dirfd, "stats.0", &err);
	if (f->fd < 0)
		fail_msg("%s", err.msg);
	snprintf(f->path, sizeof(f->path), "%s/stats.0", f->dir);
}

static void fake_close(struct fake *f)
{
	close(f->fd);
	unlink(f->path);
	close(f->dirfd);
	rmdir(f->dir);
}

static void test_listen(void **state)
{
	struct error err = { 0 };
	struct fake f = { 0 };
	struct stat st;
	int again;

	(void)state;
	umask(0);
	fake_open(&f);
	assert_int_equal(stat(f.path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(fcntl(f.fd, F_GETFD) & FD_CLOEXEC);
	again = haproxy_stats_listen(f.dirfd, "stats.0", &err);
	assert_true(again >= 0); /* what a dead supervisor left is replaced */
	close(again);
	assert_int_equal(haproxy_stats_listen(f.dirfd, "no/such", &err), -ENOENT);
	fake_close(&f);
}

/* A process that plays HAProxy: answers what it is asked with text, in two pieces. */
static pid_t fake_play(const struct fake *f, const char *text, bool close_it)
{
	pid_t pid = fork();
	char asked[64];
	ssize_t n;
	int c;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	c = accept(f->fd, NULL, NULL);
	n = read(c, asked, sizeof(asked) - 1);
	asked[n > 0 ? n : 0] = '\0';
	if (strcmp(asked, "show info;show stat\n") != 0)
		_exit(1);
	if (write(c, text, strlen(text) / 2) < 0)
		_exit(1);
	usleep(20000);
	if (write(c, text + strlen(text) / 2, strlen(text) - strlen(text) / 2) < 0)
		_exit(1);
	if (!close_it)
		pause();
	_exit(0);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void ask(const struct fake *f, const char *text, bool close_it, int wanted)
{
	pid_t pid = fake_play(f, text, close_it);
	struct error err = { 0 };
	struct haproxy_stats s;
	int r = haproxy_stats_read(f->path, close_it ? 5000 : 150, &s, &err);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (r != wanted)
		fail_msg("%d: %s", r, err.msg);
	if (!r)
		assert_int_equal(s.pid, 4711);
}

static void test_read(void **state)
{
	struct fake f = { 0 };

	(void)state;
	fake_open(&f);
	ask(&f, good, true, 0);
	ask(&f, "Permission denied\n", true, -EPROTO);
	ask(&f, "", true, -ECONNRESET);
	ask(&f, good, false, -ETIMEDOUT);
	fake_close(&f);
}

/* Nobody accepts: the socket is the supervisor's, the instance is dead. */
static void test_silent(void **state)
{
	struct error err = { 0 };
	struct haproxy_stats s;
	struct fake f = { 0 };
	long long start;

	(void)state;
	fake_open(&f);
	start = now_ms();
	assert_int_equal(haproxy_stats_read(f.path, 100, &s, &err), -ETIMEDOUT);
	assert_in_range(now_ms() - start, 90, 3000);
	fake_close(&f);
	assert_int_equal(haproxy_stats_read(f.path, 100, &s, &err), -ENOENT);
	assert_non_null(strstr(err.msg, f.path));
}

static void test_long_path(void **state)
{
	char path[200] = "/";
	struct error err = { 0 };
	struct haproxy_stats s;

	(void)state;
	memset(path + 1, 'x', 150);
	assert_int_equal(haproxy_stats_read(path, 100, &s, &err), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),     cmocka_unit_test(test_reused),
		cmocka_unit_test(test_garbage),   cmocka_unit_test(test_listen),
		cmocka_unit_test(test_read),      cmocka_unit_test(test_silent),
		cmocka_unit_test(test_long_path),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("haproxy_stats", tests, NULL, NULL);
}
