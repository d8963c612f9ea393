/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The origin: a small, fast HTTP server of objects that the load generator knows. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/load/argument.h"
#include "tests/load/endpoint.h"
#include "tests/load/threads.h"
#include "tests/load/visitor.h"

#define BATCH 64
/* How often a thread looks whether it is to stop. */
#define LOOK_MS    100
#define ACCEPTS    16
#define LISTEN_MAX 16

enum { STATUS_OK, STATUS_FAILED, STATUS_USAGE };

struct origin_options {
	struct argument_list listen;
	uint64_t threads;
	const char *cpus;
	uint64_t backlog;
	const char *print;
	bool help;
};

#define FIELD(name) offsetof(struct origin_options, name)

static const struct argument origin_arguments[] = {
	{ "listen", "ADDR:PORT", ARGUMENT_LIST, FIELD(listen), 0, 0,
	  "where to serve, IPv6 in brackets; repeat it for more" },
	{ "threads", "N", ARGUMENT_COUNT, FIELD(threads), 1, 256,
	  "each with its own socket in an SO_REUSEPORT group (default 1)" },
	{ "cpus", "LIST", ARGUMENT_TEXT, FIELD(cpus), 0, 0,
	  "pin thread i to the i-th of these, such as 0,2-3" },
	{ "backlog", "N", ARGUMENT_COUNT, FIELD(backlog), 1, 65535,
	  "of each socket (default 4096)" },
	{ "print", "SIZE", ARGUMENT_TEXT, FIELD(print), 0, 0,
	  "write the object of that size to stdout and exit" },
	{ "help", NULL, ARGUMENT_FLAG, FIELD(help), 0, 0, "this text" },
	{ 0 },
};

static const struct argument_table origin_table = {
	.usage =
		"usage: origin --listen ADDR:PORT [OPTION...]\n"
		"Serves objects over HTTP, one a connection or as many as the client asks "
		"for, until\nSIGINT or SIGTERM; then writes how many it served.\n",
	.notes = "\nObjects:\n"
		 "  /8k, /100m, /size/N  so many bytes (k, m, g are binary)\n"
		 "  /who                 'CLIENT_ADDR:PORT SERVER_ADDR:PORT' of the "
		 "connection\n",
	.argument = origin_arguments,
};

/* What the threads share. A descriptor is one thread's at a time, so is its visitor. */
struct origin {
	unsigned char *pattern;
	struct visitor *visitor; /* by descriptor */
	size_t visitors;
	_Atomic bool stop;
};

struct server {
	const struct origin *origin;
	pthread_t thread;
	bool running;
	int epoll;
	int listener[LISTEN_MAX]; /* -1 for none */
	_Atomic uint64_t served, left;
};

static void visitor_tend(struct server *server, struct visitor *visitor)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				     .data.fd = visitor->fd };
	enum visitor_step step;

	while ((step = visitor_go(visitor, server->origin->pattern)) == VISITOR_NEXT)
		atomic_fetch_add_explicit(&server->served, 1, memory_order_relaxed);
	if ((step == VISITOR_WAITS || step == VISITOR_STAYS) && !visitor->watched) {
		visitor->watched = true;
		if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, visitor->fd, &event))
			step = VISITOR_LEFT;
	}
	if (step == VISITOR_WAITS || step == VISITOR_STAYS)
		return;
	if (step != VISITOR_GONE)
		atomic_fetch_add_explicit(step == VISITOR_SERVED ? &server->served
								 : &server->left,
					  1, memory_order_relaxed);
	visitor_end(visitor);
}

static void visitors_accept(struct server *server, int listener)
{
	static const struct timespec moment = { .tv_nsec = 1000000 };

	for (int i = 0; i < ACCEPTS; i++) {
		struct endpoint client = { .len = sizeof(client.in6) };
		int fd = accept4(listener, &client.any, &client.len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			/* Out of descriptors: let some visitors leave first. */
			if (errno == EMFILE || errno == ENFILE)
				nanosleep(&moment, NULL);
			return;
		}
		if ((size_t)fd >= server->origin->visitors) {
			close(fd);
			continue;
		}
		visitor_begin(&server->origin->visitor[fd], fd, &client);
		visitor_tend(server, &server->origin->visitor[fd]);
	}
}

static bool is_listener(const struct server *server, int fd)
{
	for (size_t i = 0; i < LISTEN_MAX && server->listener[i] >= 0; i++)
		if (server->listener[i] == fd)
			return true;
	return false;
}

static void *server_run(void *argument)
{
	struct server *server = argument;
	struct epoll_event event[BATCH];

	while (!atomic_load_explicit(&server->origin->stop, memory_order_relaxed)) {
		int n = epoll_wait(server->epoll, event, BATCH, LOOK_MS);

		for (int i = 0; i < n; i++) {
			int fd = event[i].data.fd;

			if (is_listener(server, fd))
				visitors_accept(server, fd);
			else
				visitor_tend(server, &server->origin->visitor[fd]);
		}
	}
	return NULL;
}

static int listener_open(const struct endpoint *at, int backlog)
{
	static const int one = 1;
	int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) ||
	    (at->any.sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    bind(fd, &at->any, at->len) || listen(fd, backlog)) {
		error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

static int server_listen(struct server *server, const struct origin_options *options,
			 size_t i, struct complaint *why)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct complaint cause = { "" };
	struct endpoint at;
	int rc = endpoint_parse(options->listen.item[i], &at, &cause);

	if (rc)
		return complaint_set(why, -rc, "--listen: %s", cause.msg);
	rc = listener_open(&at, (int)options->backlog);
	if (rc < 0)
		return complaint_set(why, -rc, "listen on %s: %s",
				     options->listen.item[i], strerror(-rc));
	server->listener[i] = event.data.fd = rc;
	if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, rc, &event))
		return complaint_set(why, errno, "watch %s: %s", options->listen.item[i],
				     strerror(errno));
	return 0;
}

static int server_open(struct server *server, const struct origin *origin,
		       const struct origin_options *options, struct complaint *why)
{
	int rc = 0;

	server->origin = origin;
	for (size_t i = 0; i < LISTEN_MAX; i++)
		server->listener[i] = -1;
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll < 0)
		return complaint_set(why, errno, "create an epoll: %s", strerror(errno));
	for (size_t i = 0; i < options->listen.count && !rc; i++)
		rc = server_listen(server, options, i, why);
	return rc;
}

static int options_read(int argc, char **argv, struct origin_options *options,
			struct thread_cpus *cpus, struct complaint *why)
{
	struct complaint cause = { "" };
	int rc = arguments_parse(&origin_table, argc, argv, options, why);

	if (rc || options->help || options->print)
		return rc;
	if (!options->listen.count)
		return complaint_set(why, EINVAL, "--listen is missing: see --help");
	if (options->listen.count > LISTEN_MAX)
		return complaint_set(why, EINVAL, "--listen: at most %d addresses",
				     LISTEN_MAX);
	if (options->cpus) {
		rc = thread_cpus_parse(options->cpus, cpus, &cause);
		if (rc)
			return complaint_set(why, -rc, "--cpus: %s", cause.msg);
	}
	return 0;
}

static int object_print(const char *text, const unsigned char *pattern)
{
	uint64_t size;

	if (object_size_parse(text, strlen(text), &size)) {
		fprintf(stderr, "origin: --print: expected a size such as 8k, got '%s'\n",
			text);
		return STATUS_USAGE;
	}
	for (uint64_t at = 0; at < size; at += OBJECT_PERIOD) {
		uint64_t left = size - at;

		if (!fwrite(pattern, left < OBJECT_PERIOD ? left : OBJECT_PERIOD, 1,
			    stdout))
			break;
	}
	if (!fflush(stdout) && !ferror(stdout))
		return STATUS_OK;
	fprintf(stderr, "origin: write the object: %s\n", strerror(errno));
	return STATUS_FAILED;
}

static int origin_open(struct origin *origin, struct server *server,
		       const struct origin_options *options, struct complaint *why)
{
	struct rlimit files;
	int rc = open_files_allow(0, why);

	if (rc)
		return rc;
	getrlimit(RLIMIT_NOFILE, &files);
	origin->visitors = files.rlim_cur < 1000000 ? files.rlim_cur : 1000000;
	origin->visitor = calloc(origin->visitors, sizeof(*origin->visitor));
	if (!origin->visitor)
		abort();
	for (uint64_t i = 0; i < options->threads; i++) {
		rc = server_open(&server[i], origin, options, why);
		if (rc)
			return rc;
	}
	return 0;
}

static int servers_start(struct server *server, const struct origin_options *options,
			 const struct thread_cpus *cpus, struct complaint *why)
{
	for (uint64_t i = 0; i < options->threads; i++) {
		int rc = thread_cpus_start(cpus, i, &server[i].thread, server_run,
					   &server[i], why);

		if (rc)
			return rc;
		server[i].running = true;
	}
	return 0;
}

static void servers_stop(struct origin *origin, struct server *server, uint64_t threads)
{
	uint64_t served = 0, left = 0;

	atomic_store(&origin->stop, true);
	for (uint64_t i = 0; i < threads; i++) {
		if (server[i].running)
			pthread_join(server[i].thread, NULL);
		served += atomic_load(&server[i].served);
		left += atomic_load(&server[i].left);
	}
	if (threads && server[0].running)
		printf("served %llu, left early %llu\n", (unsigned long long)served,
		       (unsigned long long)left);
}

static int origin_run(struct origin *origin, const struct origin_options *options,
		      const struct thread_cpus *cpus, struct complaint *why)
{
	struct server *server = calloc(options->threads, sizeof(*server));
	sigset_t signals;
	int caught, rc;

	if (!server)
		abort();
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	rc = origin_open(origin, server, options, why);
	if (!rc)
		rc = servers_start(server, options, cpus, why);
	if (!rc) {
		fprintf(stderr, "origin: ready\n");
		sigwait(&signals, &caught);
	}
	servers_stop(origin, server, options->threads);
	free(origin->visitor);
	free(server);
	return rc;
}

int main(int argc, char **argv)
{
	struct origin_options options = { .threads = 1, .backlog = 4096 };
	struct thread_cpus cpus = { .count = 0 };
	struct origin origin = { .pattern = NULL };
	struct complaint why;
	int status = STATUS_OK;

	if (options_read(argc, argv, &options, &cpus, &why)) {
		fprintf(stderr, "origin: %s\n", why.msg);
		return STATUS_USAGE;
	}
	origin.pattern = malloc(OBJECT_PERIOD);
	if (!origin.pattern)
		abort();
	object_fill(origin.pattern);
	if (options.help) {
		arguments_help(&origin_table, stdout);
		printf("%s", reply_faults());
	} else if (options.print) {
		status = object_print(options.print, origin.pattern);
	} else if (origin_run(&origin, &options, &cpus, &why)) {
		fprintf(stderr, "origin: %s\n", why.msg);
		status = STATUS_FAILED;
	}
	free(origin.pattern);
	return status;
}
