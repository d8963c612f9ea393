/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests which listening socket of several generations' gets a connection, by the kernel.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "haproxy/group.h"
#include "haproxy/haproxy.h"
#include "haproxy/listener.h"
#include "haproxy/select.h"
#include "tests/unit/loopback.h"

enum { PORT = 8000, SECOND = 8001, MANY = 96 };

static struct haproxy_plan plan(unsigned int processes, enum haproxy_accept accept)
{
	struct haproxy_plan p = { .processes = processes,
				  .accept = accept,
				  .ipv4 = true,
				  .backlog = 1024,
				  .ports = { .range = { { PORT, PORT } }, .n = 1 },
				  .takers = 64 };

	for (unsigned int c = 0; c < p.takers; c++)
		p.taker[c] = (unsigned short)(c % processes);
	return p;
}

static void must(int r, const struct error *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

static void open_first(const struct haproxy_plan *p, struct haproxy_listeners **l)
{
	struct error err = { 0 };

	must(haproxy_listeners_open(p, -1, true, l, &err), &err);
}

static void open_next(const struct haproxy_plan *p,
		      const struct haproxy_listeners *former,
		      struct haproxy_listeners **l)
{
	struct error err = { 0 };

	must(haproxy_listeners_succeed(p, -1, former, l, &err), &err);
}

static void lead(const struct haproxy_listeners *l)
{
	struct error err = { 0 };

	must(haproxy_listeners_select(l, &err), &err);
}

/* Connections that stay in the queues of the listeners. */
static void connect_many(unsigned int n)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(PORT),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	for (unsigned int i = 0; i < n; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)),
				 0);
		close(fd);
	}
}

static unsigned int queued(const struct haproxy_listeners *l, unsigned int k)
{
	return haproxy_listeners_queued(l, k);
}

static void test_first(void **state)
{
	struct haproxy_plan p = plan(2, HAPROXY_ACCEPT_HASH);
	struct haproxy_listeners *l;

	(void)state;
	NEEDS_NAMESPACE();
	open_first(&p, &l);
	connect_many(MANY);
	assert_true(queued(l, 0) > 0 && queued(l, 1) > 0);
	assert_int_equal(queued(l, 0) + queued(l, 1), MANY);
	assert_false(haproxy_listeners_shared(l, 0));
	haproxy_listeners_close(l);
}

/* The same sockets; the third gets nothing before it is its turn. */
static void test_more(void **state)
{
	struct haproxy_plan two = plan(2, HAPROXY_ACCEPT_HASH);
	struct haproxy_plan three = plan(3, HAPROXY_ACCEPT_HASH);
	struct haproxy_listeners *former, *l;
	unsigned int waiting;

	(void)state;
	NEEDS_NAMESPACE();
	open_first(&two, &former);
	open_next(&three, former, &l);
	assert_true(former->cookie[0] == l->cookie[0] &&
		    former->cookie[1] == l->cookie[1]);
	assert_true(haproxy_listeners_shared(l, 0));
	assert_false(haproxy_listeners_shared(l, 2));
	connect_many(MANY);
	assert_int_equal(queued(l, 2), 0);
	assert_true(queued(l, 0) > 0 && queued(l, 1) > 0);
	assert_false(haproxy_listeners_alone(former, &waiting));
	lead(l);
	connect_many(MANY);
	assert_true(queued(l, 2) > 0);
	/* Closed, the former takes nothing with it. */
	haproxy_listeners_close(former);
	assert_int_equal(queued(l, 0) + queued(l, 1) + queued(l, 2), 2 * MANY);
	haproxy_listeners_close(l);
}

static void test_fewer(void **state)
{
	struct haproxy_plan three = plan(3, HAPROXY_ACCEPT_HASH);
	struct haproxy_plan one = plan(1, HAPROXY_ACCEPT_HASH);
	struct haproxy_listeners *former, *l;
	unsigned int waiting, before;
	struct error err = { 0 };

	(void)state;
	NEEDS_NAMESPACE();
	open_first(&three, &former);
	connect_many(MANY);
	open_next(&one, former, &l);
	before = queued(former, 1) + queued(former, 2);
	lead(l);
	connect_many(MANY);
	assert_int_equal(queued(former, 1) + queued(former, 2), before);
	assert_true(haproxy_listeners_alone(former, &waiting));
	assert_int_equal(waiting, before);
	must(haproxy_listeners_end(former, &err), &err);
	assert_false(haproxy_listeners_alone(former, &waiting));
	assert_int_equal(groups_size(l->groups, PORT), 1);
	haproxy_listeners_close(former);
	lead(l);
	connect_many(MANY);
	assert_true(queued(l, 0) >= 2 * MANY);
	haproxy_listeners_close(l);
}

/* A port more, and one less: what both have is shared. */
static void test_ports(void **state)
{
	struct haproxy_plan p = plan(2, HAPROXY_ACCEPT_HASH), q = p;
	struct haproxy_listeners *former, *l;
	unsigned int waiting;

	(void)state;
	NEEDS_NAMESPACE();
	q.ports = (struct ports){ .range = { { PORT, SECOND } }, .n = 1 };
	open_first(&q, &former);
	open_next(&p, former, &l);
	assert_true(haproxy_listeners_shared(l, 0));
	assert_true(haproxy_listeners_alone(former, &waiting));
	haproxy_listeners_close(former);
	open_next(&q, l, &former);
	assert_true(former->cookie[0] == l->cookie[0]);
	assert_false(haproxy_listeners_alone(l, &waiting));
	haproxy_listeners_close(l);
	lead(former);
	connect_many(MANY);
	assert_int_equal(queued(former, 0) + queued(former, 1), MANY);
	haproxy_listeners_close(former);
}

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* The kernel's order after sockets have left and joined is the one that we keep. */
static void test_order(void **state)
{
	struct haproxy_plan four = plan(4, HAPROXY_ACCEPT_CPU);
	struct haproxy_listeners *l;
	struct error err = { 0 };
	static const unsigned int leave[] = { 0, 2, 1, 3, 0, 1 };

	(void)state;
	NEEDS_NAMESPACE();
	open_first(&four, &l);
	for (size_t i = 0; i < sizeof(leave) / sizeof(leave[0]); i++) {
		must(haproxy_listeners_leave(l, leave[i], &err), &err);
		assert_false(haproxy_listeners_joined(l, leave[i]));
		must(haproxy_listeners_join(l, leave[i], &err), &err);
		/* Every CPU's connections go to one slot in turn: this one's. */
		for (unsigned int slot = 0; slot < 4; slot++) {
			unsigned int before = queued(l, slot);

			for (unsigned int c = 0; c < four.takers; c++)
				four.taker[c] = (unsigned short)slot;
			lead(l);
			connect_many(8);
			assert_int_equal(queued(l, slot), before + 8);
		}
	}
	haproxy_listeners_close(l);
}

/* By hash and by CPU after each other: the former's program does not stay. */
static void test_accept(void **state)
{
	struct haproxy_plan cpu = plan(2, HAPROXY_ACCEPT_CPU);
	struct haproxy_plan hash = plan(2, HAPROXY_ACCEPT_HASH);
	struct haproxy_listeners *former, *l;

	(void)state;
	NEEDS_NAMESPACE();
	for (unsigned int c = 0; c < cpu.takers; c++)
		cpu.taker[c] = 1;
	open_first(&cpu, &former);
	pin(0);
	connect_many(MANY);
	assert_int_equal(queued(former, 1), MANY);
	open_next(&hash, former, &l);
	connect_many(MANY);
	assert_int_equal(queued(l, 1), 2 * MANY);
	lead(l);
	haproxy_listeners_close(former);
	connect_many(MANY);
	assert_true(queued(l, 0) > 0 && queued(l, 1) > 2 * MANY);
	haproxy_listeners_close(l);
}

/* A silent one of all of a plan: the program of the others does not name it. */
static void test_group(void **state)
{
	struct haproxy_plan p = plan(3, HAPROXY_ACCEPT_CPU);
	struct haproxy_listeners *l;
	unsigned short taker[HAPROXY_CPUS_MAX];
	struct error err = { 0 };
	int fd[3];

	(void)state;
	NEEDS_NAMESPACE();
	open_first(&p, &l);
	assert_int_equal(haproxy_listeners_group(l, fd, taker), 3);
	assert_int_equal(taker[2], 2);
	must(haproxy_listeners_leave(l, 0, &err), &err);
	assert_int_equal(haproxy_listeners_group(l, fd, taker), 2);
	for (unsigned int c = 0; c < p.takers; c++)
		assert_true(taker[c] < 2);
	assert_int_equal(fd[taker[1]], l->fd[1]);
	assert_int_equal(fd[taker[2]], l->fd[2]);
	haproxy_listeners_close(l);
}

static void test_handshakes(void **state)
{
	struct haproxy_requests *then = NULL, *now = NULL;
	struct error err = { 0 };

	(void)state;
	NEEDS_NAMESPACE();
	must(haproxy_requests_read(-1, &then, &err), &err);
	must(haproxy_requests_read(-1, &now, &err), &err);
	assert_int_equal(haproxy_requests_left(then, now), 0);
	haproxy_requests_free(then);
	haproxy_requests_free(now);
}

static void test_some(void **state)
{
	const unsigned short place[] = { 1, 4, 2 };
	struct sock_filter code[SELECT_LENGTH_MAX];
	unsigned short n = select_some(place, 3, code);

	(void)state;
	/* Random, modulo; 0 is 1, 1 is 4, 2 is itself. */
	assert_int_equal(n, 7);
	assert_int_equal(code[0].k, (unsigned int)(SKF_AD_OFF + SKF_AD_RANDOM));
	assert_int_equal(code[1].k, 3);
	assert_int_equal(code[3].k, 1);
	assert_int_equal(code[5].k, 4);
	assert_int_equal(code[6].code, BPF_RET | BPF_A);
}

static void test_users(void **state)
{
	struct groups *g = groups_new();

	(void)state;
	groups_add(g, PORT, 11);
	groups_add(g, PORT, 12);
	groups_add(g, PORT, 13);
	groups_add(g, PORT, 12);
	assert_int_equal(groups_users(g, PORT, 12), 2);
	assert_int_equal(groups_users(g, SECOND, 12), 0);
	assert_int_equal(groups_size(g, PORT), 0);
	groups_join(g, PORT, 13);
	groups_join(g, PORT, 11);
	groups_join(g, PORT, 12);
	groups_join(g, PORT, 12);
	assert_int_equal(groups_place(g, PORT, 13), 0);
	groups_leave(g, PORT, 13); /* the last takes its place */
	groups_leave(g, PORT, 13);
	assert_int_equal(groups_size(g, PORT), 2);
	assert_int_equal(groups_place(g, PORT, 12), 0);
	assert_int_equal(groups_place(g, PORT, 13), 2);
	groups_remove(g, PORT, 12);
	assert_int_equal(groups_size(g, PORT), 2);
	groups_remove(g, PORT, 12);
	groups_remove(g, PORT, 12);
	assert_int_equal(groups_size(g, PORT), 1);
	assert_int_equal(groups_place(g, PORT, 11), 0);
	groups_hold(g);
	groups_drop(g);
	assert_int_equal(groups_users(g, PORT, 13), 1);
	groups_drop(g);
}

static int setup(void **state)
{
	(void)state;
	loopback_enter();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users), cmocka_unit_test(test_some),
		cmocka_unit_test(test_first), cmocka_unit_test(test_more),
		cmocka_unit_test(test_fewer), cmocka_unit_test(test_ports),
		cmocka_unit_test(test_order), cmocka_unit_test(test_accept),
		cmocka_unit_test(test_group), cmocka_unit_test(test_handshakes),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
