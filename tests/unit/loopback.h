/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of the test's own, and TCP connections over its loopback. */
#ifndef TESTS_UNIT_LOOPBACK_H
#define TESTS_UNIT_LOOPBACK_H

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A connection of this namespace: what we call local is the side that sent. */
struct flow {
	int family;
	uint16_t local, remote; /* ports; both addresses are the loopback's */
};

/* Whose end of a connection is closed first: that one keeps a time-wait socket. */
enum loopback_close { LOOPBACK_STAYS, LOOPBACK_SERVICE_FIRST, LOOPBACK_CLIENT_FIRST };

static const char *loopback_skip; /* why there is no namespace here, or NULL */

#define NEEDS_NAMESPACE()                                                                \
	do {                                                                             \
		if (loopback_skip) {                                                     \
			print_message("skip: %s\n", loopback_skip);                      \
			skip();                                                          \
		}                                                                        \
	} while (0)

static inline void loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	close(fd);
}

/* Into a new namespace; false where that needs more rights: NEEDS_NAMESPACE skips then.
 */
static inline bool loopback_enter(void)
{
	if (geteuid() || unshare(CLONE_NEWNET) < 0) {
		loopback_skip = "needs root: makes a network namespace";
		return false;
	}
	loopback_up();
	return true;
}

static inline uint16_t loopback_port(int fd)
{
	struct sockaddr_in6 name; /* the port is where sockaddr_in has it */
	socklen_t size = sizeof(name);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &size), 0);
	return ntohs(name.sin6_port);
}

/* Listens on every address, on a port that the kernel picks. */
static inline int loopback_listen(int family)
{
	struct sockaddr_in6 any = { .sin6_family = (sa_family_t)family };
	socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(any);
	int fd = socket(family, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static inline struct flow loopback_connect(int family, int listener,
					   enum loopback_close closes)
{
	uint16_t port = loopback_port(listener);
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port),
				    .sin6_addr = in6addr_loopback };
	struct sockaddr_in to4 = { .sin_family = AF_INET,
				   .sin_port = htons(port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr *to =
		family == AF_INET ? (struct sockaddr *)&to4 : (struct sockaddr *)&to6;
	int fd = socket(family, SOCK_STREAM, 0), peer;
	struct flow flow = { family, 0, port };

	assert_int_equal(connect(fd, to, family == AF_INET ? sizeof(to4) : sizeof(to6)),
			 0);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
	flow.local = loopback_port(fd);
	if (closes != LOOPBACK_STAYS) {
		close(closes == LOOPBACK_SERVICE_FIRST ? peer : fd);
		close(closes == LOOPBACK_SERVICE_FIRST ? fd : peer);
	}
	return flow;
}

#endif
