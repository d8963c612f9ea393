/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the program that picks a socket by CPU: its instructions, and the kernel's word.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "haproxy/haproxy.h"
#include "haproxy/select.h"

/* The classic BPF machine, as far as the program goes; anything else fails. */
static unsigned int run(const struct sock_filter *code, unsigned short length,
			unsigned int cpu)
{
	unsigned int a = 0;

	for (unsigned short pc = 0; pc < length; pc++) {
		const struct sock_filter *i = &code[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_int_equal(i->k, (unsigned int)(SKF_AD_OFF + SKF_AD_CPU));
			a = cpu;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc = (unsigned short)(pc + (a == i->k ? i->jt : i->jf));
			break;
		case BPF_ALU | BPF_MOD | BPF_K:
			assert_true(i->k);
			a %= i->k;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_RET | BPF_A:
			return a;
		default:
			fail_msg("instruction %u has code %#x", pc, i->code);
		}
	}
	fail_msg("the program does not return");
	return 0;
}

/* CPUs past SELECT_CPUS_MAX named ones follow the rule for those without a word. */
static void program(const unsigned short *taker, unsigned int cpus, unsigned int n)
{
	static struct sock_filter code[SELECT_LENGTH_MAX];
	unsigned short length = select_program(taker, cpus, n, code);
	unsigned int named = 0;

	assert_in_range(length, 1, SELECT_LENGTH_MAX);
	for (unsigned int now = 0; now < 1100; now++) {
		bool own =
			now < cpus && taker[now] != now % n && named++ < SELECT_CPUS_MAX;

		assert_int_equal(run(code, length, now), own ? taker[now] : now % n);
	}
}

static void test_program(void **state)
{
	unsigned short taker[HAPROXY_CPUS_MAX];

	(void)state;
	program((const unsigned short[]){ 0 }, 0, 1);
	program((const unsigned short[]){ 0 }, 0, 7);
	program((const unsigned short[]){ 0 }, 1, 1);
	program((const unsigned short[]){ 3, 1, 2, 0 }, 4, 4);
	program((const unsigned short[]){ 1, 1, 0, 0, 1 }, 5, 2);
	for (unsigned int i = 0; i < HAPROXY_CPUS_MAX; i++)
		taker[i] = (unsigned short)(i / 4);
	program(taker, HAPROXY_CPUS_MAX, HAPROXY_INSTANCES_MAX);
}

#define GROUP 4

struct group {
	int fd[GROUP];
	struct sockaddr_in at;
};

static void group_open(struct group *g)
{
	const int on = 1;
	socklen_t size = sizeof(g->at);

	g->at = (struct sockaddr_in){ .sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	for (int i = 0; i < GROUP; i++) {
		g->fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_true(g->fd[i] >= 0);
		assert_int_equal(
			setsockopt(g->fd[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)),
			0);
		assert_int_equal(
			bind(g->fd[i], (const struct sockaddr *)&g->at, sizeof(g->at)),
			0);
		assert_int_equal(listen(g->fd[i], 64), 0);
		if (!i)
			assert_int_equal(
				getsockname(g->fd[0], (struct sockaddr *)&g->at, &size),
				0);
	}
}

/* Which of the group's sockets a connection made now ends up in. */
static int group_taken(const struct group *g)
{
	struct pollfd ready[GROUP];
	int taken = 0, client, server;

	client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(client, (const struct sockaddr *)&g->at, sizeof(g->at)),
			 0);
	for (int i = 0; i < GROUP; i++)
		ready[i] = (struct pollfd){ .fd = g->fd[i], .events = POLLIN };
	assert_int_equal(poll(ready, GROUP, 2000), 1);
	for (int i = 0; i < GROUP; i++) {
		if (ready[i].revents & POLLIN)
			taken = i;
	}
	server = accept(g->fd[taken], NULL, NULL);
	assert_true(server >= 0);
	close(server);
	close(client);
	return taken;
}

static int attach(int fd, const unsigned short *taker, unsigned int cpus, unsigned int n,
		  struct error *err)
{
	struct sock_filter program_[SELECT_LENGTH_MAX];

	return select_attach(fd, program_, select_program(taker, cpus, n, program_), err);
}

static void pin(unsigned int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* On loopback the SYN is received on the CPU of the process that sends it. */
static void test_kernel(void **state)
{
	unsigned short taker[HAPROXY_CPUS_MAX] = { 0 };
	int slot[CPU_SETSIZE];
	struct error err = { 0 };
	struct group g;
	cpu_set_t before;
	int next = GROUP;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	group_open(&g);
	for (unsigned int now = 0; now < HAPROXY_CPUS_MAX; now++) {
		if (CPU_ISSET(now, &before))
			next = next ? next - 1 : GROUP - 1;
		slot[now] = taker[now] = (unsigned short)next % GROUP;
	}
	if (attach(g.fd[0], taker, HAPROXY_CPUS_MAX, GROUP, &err) < 0)
		fail_msg("%s", err.msg);
	for (unsigned int now = 0, tried = 0; now < CPU_SETSIZE && tried < 8; now++) {
		if (!CPU_ISSET(now, &before))
			continue;
		tried++;
		pin(now);
		for (int i = 0; i < 20; i++)
			assert_int_equal(group_taken(&g), slot[now]);
	}
	sched_setaffinity(0, sizeof(before), &before);
	for (int i = 0; i < GROUP; i++)
		close(g.fd[i]);
}

/* The longest program is within the default net.core.optmem_max of old kernels, 20 KB. */
static void test_longest(void **state)
{
	unsigned short taker[HAPROXY_CPUS_MAX];
	static struct sock_filter code[SELECT_LENGTH_MAX];
	struct error err = { 0 };
	struct group g;

	(void)state;
	for (unsigned int i = 0; i < HAPROXY_CPUS_MAX; i++)
		taker[i] = (unsigned short)((i + 1) % GROUP);
	assert_int_equal(select_program(taker, HAPROXY_CPUS_MAX, GROUP, code),
			 SELECT_LENGTH_MAX);
	group_open(&g);
	if (attach(g.fd[0], taker, HAPROXY_CPUS_MAX, GROUP, &err) < 0)
		fail_msg("%s", err.msg);
	for (int i = 0; i < GROUP; i++)
		close(g.fd[i]);
}

static void test_attach_refused(void **state)
{
	const unsigned short taker[] = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(attach(-1, taker, 1, 1, &err), -EBADF);
	assert_non_null(strstr(err.msg, "haproxy.accept"));
}

/* A new network namespace has its loopback interface down. */
static int loopback_up(void **state)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	ioctl(fd, SIOCSIFFLAGS, &request); /* who may not has it up already */
	close(fd);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_attach_refused),
	};

	return cmocka_run_group_tests_name("haproxy_select", tests, loopback_up, NULL);
}
