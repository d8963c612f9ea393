/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One message at a time there and back over an established connection: both its ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/load/argument.h"
#include "tests/load/endpoint.h"
#include "tests/load/histogram.h"

#define VISITORS_MAX 64
#define SIZE_MAX_    65536
#define TIMEOUT_S    5

enum { STATUS_OK, STATUS_FAILED, STATUS_USAGE };

struct pingpong_options {
	const char *listen, *target, *source;
	uint64_t size;
	double duration;
	bool help;
};

#define FIELD(name) offsetof(struct pingpong_options, name)

static const struct argument pingpong_arguments[] = {
	{ "listen", "ADDR:PORT", ARGUMENT_TEXT, FIELD(listen), 0, 0,
	  "echo what comes, until SIGTERM" },
	{ "target", "ADDR:PORT", ARGUMENT_TEXT, FIELD(target), 0, 0,
	  "connect there, and send and wait by turns" },
	{ "source", "ADDR:PORT", ARGUMENT_TEXT, FIELD(source), 0, 0, "from there" },
	{ "size", "BYTES", ARGUMENT_COUNT, FIELD(size), 32, SIZE_MAX_,
	  "of a message (default: one segment of the connection)" },
	{ "duration", "S", ARGUMENT_NUMBER, FIELD(duration), 0.001, 86400,
	  "so long (default 5)" },
	{ "help", NULL, ARGUMENT_FLAG, FIELD(help), 0, 0, "this text" },
	{ 0 },
};

static const struct argument_table pingpong_table = {
	.usage = "usage: pingpong --listen ADDR:PORT | --target ADDR:PORT [OPTION...]\n"
		 "Messages of random bytes, each sent when the one before has come back "
		 "and was the\nsame; round trips as JSON on stdout.\n",
	.notes = "",
	.argument = pingpong_arguments,
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int complain(const char *what)
{
	fprintf(stderr, "pingpong: %s: %s\n", what, strerror(errno));
	return STATUS_FAILED;
}

static void set_nodelay(int fd)
{
	static const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static bool send_all(int fd, const unsigned char *bytes, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		n -= (size_t)sent;
	}
	return true;
}

static bool receive_all(int fd, unsigned char *bytes, size_t n)
{
	while (n) {
		ssize_t got = recv(fd, bytes, n, 0);

		if (got <= 0) {
			errno = got ? errno : ECONNRESET;
			return false;
		}
		bytes += got;
		n -= (size_t)got;
	}
	return true;
}

/* False: it left. */
static bool visitor_echo(int fd)
{
	unsigned char bytes[SIZE_MAX_];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	return n > 0 && send_all(fd, bytes, (size_t)n);
}

static void visitors_serve(int listener)
{
	struct pollfd fds[VISITORS_MAX + 1] = { { .fd = listener, .events = POLLIN } };
	nfds_t n = 1;

	while (poll(fds, n, -1) >= 0 || errno == EINTR) {
		for (nfds_t i = n; i-- > 1;) {
			if (!fds[i].revents || visitor_echo(fds[i].fd))
				continue;
			close(fds[i].fd);
			fds[i] = fds[--n];
		}
		if (fds[0].revents && n <= VISITORS_MAX) {
			int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

			if (fd < 0)
				continue;
			set_nodelay(fd);
			fds[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		}
	}
}

static int serve(const struct endpoint *at)
{
	static const int on = 1;
	int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return complain("open a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &at->any, at->len) || listen(fd, VISITORS_MAX))
		return complain("listen");
	visitors_serve(fd);
	return complain("serve");
}

/* No two messages alike: whoever watches the wire can tell them apart. */
static void message_fill(unsigned char *bytes, size_t n, uint64_t *seed)
{
	for (size_t i = 0; i < n; i += sizeof(*seed)) {
		*seed ^= *seed << 13;
		*seed ^= *seed >> 7;
		*seed ^= *seed << 17;
		memcpy(bytes + i, seed, n - i < sizeof(*seed) ? n - i : sizeof(*seed));
	}
}

/* 0 or errno; EBADMSG: other bytes came back. */
static int messages_send(int fd, size_t size, double duration, struct histogram *trips)
{
	static unsigned char message[SIZE_MAX_], echo[SIZE_MAX_];
	uint64_t seed = clock_ns() | 1, end = clock_ns() + (uint64_t)(duration * 1e9);

	while (clock_ns() < end) {
		uint64_t begin;

		message_fill(message, size, &seed);
		begin = clock_ns();
		if (!send_all(fd, message, size) || !receive_all(fd, echo, size))
			return errno;
		histogram_record(trips, clock_ns() - begin);
		if (memcmp(message, echo, size))
			return EBADMSG;
	}
	return 0;
}

static int report(size_t size, double seconds, const struct histogram *trips, int failure)
{
	json_t *tree =
		json_pack("{s:I,s:f,s:I,s:{s:i},s:{s:{s:f,s:f,s:f,s:f,s:f,s:f}}}", "size",
			  (json_int_t)size, "seconds", seconds, "transactions",
			  (json_int_t)trips->count, "failures", "total", failure ? 1 : 0,
			  "latency_us", "round_trip", "min", (double)trips->min / 1e3,
			  "mean", histogram_mean(trips) / 1e3, "p50",
			  (double)histogram_percentile(trips, 50) / 1e3, "p90",
			  (double)histogram_percentile(trips, 90) / 1e3, "p99",
			  (double)histogram_percentile(trips, 99) / 1e3, "max",
			  (double)trips->max / 1e3);

	if (failure)
		json_object_set_new(tree, "error", json_string(strerror(failure)));
	json_dumpf(tree, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(tree);
	return failure || !trips->count ? STATUS_FAILED : STATUS_OK;
}

static int play(const struct pingpong_options *o, const struct endpoint *to,
		const struct endpoint *from)
{
	static const struct timeval patience = { .tv_sec = TIMEOUT_S };
	static struct histogram trips;
	int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(int);
	uint64_t begin;
	int segment = 0, failure;

	if (fd < 0)
		return complain("open a socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (from->len && bind(fd, &from->any, from->len))
		return complain("bind --source");
	if (connect(fd, &to->any, to->len))
		return complain("connect");
	set_nodelay(fd);
	if (getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, &len))
		return complain("ask for the segment size");
	begin = clock_ns();
	segment = o->size ? (int)o->size : segment;
	failure = messages_send(fd, (size_t)segment, o->duration, &trips);
	close(fd);
	return report((size_t)segment, (double)(clock_ns() - begin) / 1e9, &trips,
		      failure);
}

int main(int argc, char **argv)
{
	struct pingpong_options o = { .duration = 5 };
	struct endpoint to, from = { .len = 0 };
	struct complaint why = { "" };
	int r = arguments_parse(&pingpong_table, argc, argv, &o, &why);

	if (!r && o.help) {
		arguments_help(&pingpong_table, stdout);
		return STATUS_OK;
	}
	if (!r && !o.listen == !o.target)
		r = complaint_set(&why, EINVAL, "one of --listen and --target is wanted");
	if (!r)
		r = endpoint_parse(o.listen ? o.listen : o.target, &to, &why);
	if (!r && o.source)
		r = endpoint_parse(o.source, &from, &why);
	if (r) {
		fprintf(stderr, "pingpong: %s\n", why.msg);
		return STATUS_USAGE;
	}
	return o.listen ? serve(&to) : play(&o, &to, &from);
}
