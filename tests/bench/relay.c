/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The least that a transparent proxy in userland is: TCP ended, its bytes carried over.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include <netinet/tcp.h>

#include "tests/bench/relay_pair.h"
#include "tests/load/argument.h"
#include "tests/load/threads.h"

#define BATCH 64

enum { STATUS_OK, STATUS_FAILED, STATUS_USAGE };

struct relay_options {
	uint64_t port, backlog;
	const char *cpus;
	bool help;
};

#define FIELD(name) offsetof(struct relay_options, name)

static const struct argument relay_arguments[] = {
	{ "port", "N", ARGUMENT_COUNT, FIELD(port), 1, 65535,
	  "where to listen, on every address of both families (default 80)" },
	{ "cpus", "LIST", ARGUMENT_TEXT, FIELD(cpus), 0, 0,
	  "a thread on each of these, such as 0,2-3 (default: one thread, anywhere)" },
	{ "backlog", "N", ARGUMENT_COUNT, FIELD(backlog), 1, 65535,
	  "of each socket (default 8192)" },
	{ "help", NULL, ARGUMENT_FLAG, FIELD(help), 0, 0, "this text" },
	{ 0 },
};

static const struct argument_table relay_table = {
	.usage =
		"usage: relay [OPTION...]\n"
		"Accepts what is routed to this machine, whatever its destination, connects "
		"there from\nthe client's own address and port, and carries bytes, FIN and "
		"RST both ways.\n",
	.notes =
		"\nNothing else: no timeouts, no limits, no log. It is a yardstick of what "
		"ending TCP\ncosts, and no product.\n",
	.argument = relay_arguments,
};

struct worker {
	struct relay relay;
	struct relay_end listener[2];
	pthread_t thread;
};

/* What it accepts on is transparent, too, and delays nothing. */
static int listener_open(int family, const struct relay_options *o)
{
	static const int on = 1;
	bool six = family == AF_INET6;
	struct endpoint at = { .len = six ? sizeof(at.in6) : sizeof(at.in) };
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	at.any.sa_family = (sa_family_t)family;
	at.in.sin_port = htons((uint16_t)o->port); /* where sin6_port is, too */
	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) &&
	    !setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) &&
	    !setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP,
			six ? IPV6_TRANSPARENT : IP_TRANSPARENT, &on, sizeof(on)) &&
	    (!six || !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) &&
	    !bind(fd, &at.any, at.len) && !listen(fd, (int)o->backlog))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static int worker_open(struct worker *w, const struct relay_options *o,
		       struct complaint *why)
{
	static const int families[] = { AF_INET, AF_INET6 };

	w->relay.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->relay.epoll < 0)
		return complaint_set(why, errno, "create an epoll: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		struct epoll_event event = { .events = EPOLLIN,
					     .data.ptr = &w->listener[i] };
		int fd = listener_open(families[i], o);

		if (fd < 0)
			return complaint_set(why, -fd, "listen on port %u, IPv%d: %s",
					     (unsigned int)o->port, i ? 6 : 4,
					     strerror(-fd));
		w->listener[i].fd = fd;
		if (epoll_ctl(w->relay.epoll, EPOLL_CTL_ADD, fd, &event))
			return complaint_set(why, errno, "watch a listener: %s",
					     strerror(errno));
	}
	return 0;
}

/* One at a time: what else came in this batch has its turn before the next one. */
static void worker_accept(struct worker *w, int listener)
{
	static const struct timespec moment = { .tv_nsec = 1000000 };
	struct endpoint client = { .len = sizeof(client.in6) };
	int fd =
		accept4(listener, &client.any, &client.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		relay_pair_begin(&w->relay, fd, &client);
	else if (errno == EMFILE || errno == ENFILE)
		nanosleep(&moment, NULL); /* let some leave first */
}

static void *worker_run(void *argument)
{
	struct worker *w = argument;
	struct epoll_event event[BATCH];

	for (;;) {
		int n = epoll_wait(w->relay.epoll, event, BATCH, -1);

		for (int i = 0; i < n; i++) {
			struct relay_end *end = event[i].data.ptr;

			if (!end->pair)
				worker_accept(w, end->fd);
			else
				relay_pair_go(&w->relay, end, event[i].events);
		}
		relay_pairs_sweep(&w->relay);
	}
	return NULL;
}

/* Serves until a signal ends the process; returns only where it cannot begin. */
static int relay_run(const struct relay_options *o, const struct thread_cpus *cpus,
		     struct complaint *why)
{
	size_t n = cpus->count ? cpus->count : 1;
	struct worker *worker = calloc(n, sizeof(*worker));
	int rc = open_files_allow(0, why);

	if (!worker)
		abort();
	for (size_t i = 0; i < n && !rc; i++)
		rc = worker_open(&worker[i], o, why);
	for (size_t i = 0; i < n && !rc; i++)
		rc = thread_cpus_start(cpus, i, &worker[i].thread, worker_run, &worker[i],
				       why);
	for (size_t i = 0; i < n && !rc; i++)
		pthread_join(worker[i].thread, NULL);
	return rc;
}

int main(int argc, char **argv)
{
	struct relay_options o = { .port = 80, .backlog = 8192 };
	struct thread_cpus cpus = { .count = 0 };
	struct complaint why, cause = { "" };
	int rc = arguments_parse(&relay_table, argc, argv, &o, &why);

	if (!rc && o.help) {
		arguments_help(&relay_table, stdout);
		return STATUS_OK;
	}
	if (!rc && o.cpus && (rc = thread_cpus_parse(o.cpus, &cpus, &cause)))
		complaint_set(&why, -rc, "--cpus: %s", cause.msg);
	if (rc) {
		fprintf(stderr, "relay: %s\n", why.msg);
		return STATUS_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	relay_run(&o, &cpus, &why);
	fprintf(stderr, "relay: %s\n", why.msg);
	return STATUS_FAILED;
}
