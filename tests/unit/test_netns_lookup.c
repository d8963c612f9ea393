/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns proving which listening socket SK-LOOKUP's program gives a connection to, and that
 * one which listens no more costs no connection before the next program is attached. */
#include "tests/unit/loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "netns/guard.h"
#include "netns/internal.h"

#define SERVICE 80
#define SOCKETS 2

static int netns = -1;

struct group {
	int fd[SOCKETS];
	int link;
};

/* All on one port, which is not the service's. */
static void group_listen(struct group *g)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	const int yes = 1;

	for (int i = 0; i < SOCKETS; i++) {
		g->fd[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(
			setsockopt(g->fd[i], SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)),
			0);
		assert_int_equal(bind(g->fd[i], (struct sockaddr *)&to, sizeof(to)), 0);
		assert_int_equal(listen(g->fd[i], 64), 0);
		to.sin_port = htons(loopback_port(g->fd[i]));
	}
}

static void group_attach(struct group *g, bool by_cpu)
{
	static const unsigned short first[LOOKUP_CPUS]; /* each CPU takes slot 0 */
	const struct netns_plan p = {
		.ports = { .range = { { SERVICE, SERVICE } }, .n = 1 },
	};
	struct error err = { 0 };

	g->link = -1;
	group_listen(g);
	if (netns_lookup_attach(&p, netns, g->fd, by_cpu ? first : NULL,
				by_cpu ? LOOKUP_CPUS : 0, SOCKETS, &g->link, &err) < 0)
		fail_msg("%s", err.msg);
}

static void group_close(struct group *g)
{
	close(g->link);
	for (int i = 0; i < SOCKETS; i++)
		close(g->fd[i]);
}

/* The errno of a connection to the service's port, 0 where it stands. */
static int service_connect(void)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(SERVICE),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int code = connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;

	close(fd);
	return code;
}

static void service_gives(int times, int code)
{
	for (int i = 0; i < times; i++)
		assert_int_equal(service_connect(), code);
}

static void stops_to_listen(bool by_cpu)
{
	struct group g;

	assert_int_equal(service_connect(), ECONNREFUSED);
	group_attach(&g, by_cpu);
	service_gives(20, 0);
	assert_int_equal(shutdown(g.fd[0], SHUT_RD), 0);
	service_gives(20, 0);
	assert_int_equal(shutdown(g.fd[1], SHUT_RD), 0);
	assert_int_equal(service_connect(), ECONNREFUSED);
	group_close(&g);
}

static void test_stops_by_hash(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
	stops_to_listen(false);
}

static void test_stops_by_cpu(void **state)
{
	(void)state;
	NEEDS_NAMESPACE();
	stops_to_listen(true);
}

static void test_is_closed(void **state)
{
	struct group g;

	(void)state;
	NEEDS_NAMESPACE();
	group_attach(&g, false);
	close(g.fd[0]);
	g.fd[0] = -1;
	service_gives(20, 0);
	group_close(&g);
}

static int enter(void **state)
{
	(void)state;
	if (loopback_enter())
		netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stops_by_hash),
		cmocka_unit_test(test_stops_by_cpu),
		cmocka_unit_test(test_is_closed),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
