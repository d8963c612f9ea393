/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the instances' stats sockets: opening them and asking what an instance counts. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "haproxy/haproxy.h"
#include "haproxy/render.h"
#include "helpers/cleanup.h"
#include "helpers/local.h"

/* `show info` is 2 to 4 KB in 2.4 to 3.2, `show stat` of one proxy about as much. */
#define STATS_ANSWER_MAX 16384

int haproxy_stats_listen(int dirfd, const char *name, struct error *err)
{
	return local_listen(dirfd, name, SOCK_STREAM, "stats", err);
}

static long long stats_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int stats_wait(int fd, short events, long long end)
{
	struct pollfd p = { .fd = fd, .events = events };
	long long left = end - stats_now_ms();
	int r = poll(&p, 1, left > 0 ? (int)left : 0);

	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return r ? 0 : -ETIMEDOUT;
}

static int stats_ask(int fd, const struct sockaddr_un *to, long long end)
{
	static const char question[] = "show info;show stat\n";
	int r;

	while (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0) {
		/* EAGAIN: the queue is full, and poll() does not tell when not. */
		struct timespec nap = { .tv_nsec = 1000000 };

		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (stats_now_ms() >= end)
			return -ETIMEDOUT;
		nanosleep(&nap, NULL);
	}
	r = stats_wait(fd, POLLOUT, end);
	if (r < 0)
		return r;
	if (send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(question) - 1)
		return -EIO;
	return 0;
}

/* Reads until HAProxy closes, as it does after one command. */
static int stats_answer(int fd, char *text, size_t size, long long end)
{
	size_t used = 0;
	ssize_t n;
	int r;

	while (used < size - 1) {
		r = stats_wait(fd, POLLIN, end);
		if (r < 0)
			return r;
		n = recv(fd, text + used, size - 1 - used, 0);
		if (!n)
			break;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return -errno;
		used += (size_t)n;
	}
	text[used] = '\0';
	return used ? 0 : -ECONNRESET;
}

static unsigned long long stats_value(const char *text, const char *name, bool *found)
{
	size_t n = strlen(name);

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, name, n) && at[n] == ':') {
			*found = true;
			return strtoull(at + n + 1, NULL, 10);
		}
	}
	return 0;
}

/* The start of field `index` (from 0) of a CSV line; NULL where it has fewer. */
static const char *stats_field(const char *line, unsigned int index)
{
	while (index--) {
		line += strcspn(line, ",\n");
		if (*line++ != ',')
			return NULL;
	}
	return line;
}

/* Which field of the CSV's head has that name; columns are only ever added at the end. */
static int stats_column(const char *head, const char *name)
{
	size_t n = strlen(name);
	int index = 0;

	for (const char *at = head; at; at = stats_field(at, 1), index++) {
		if (!strncmp(at, name, n) && (at[n] == ',' || at[n] == '\n'))
			return index;
	}
	return -1;
}

/* Beginnings of lines of `show stat`. */
#define STATS_FRONTEND "\n" HAPROXY_FRONTEND ",FRONTEND,"
#define STATS_REUSED   "\n" HAPROXY_REUSED ",BACKEND,"

/* A number of the line that begins so. */
static unsigned long long stats_counter(const char *text, const char *begins,
					const char *name, bool *found)
{
	const char *head = strstr(text, "# pxname,");
	const char *line = strstr(text, begins);
	int column = head && line ? stats_column(head + 2, name) : -1;
	const char *at = column >= 0 ? stats_field(line + 1, (unsigned int)column) : NULL;

	if (!at)
		return 0;
	*found = true;
	return strtoull(at, NULL, 10);
}

int haproxy_stats_parse(const char *text, struct haproxy_stats *out, struct error *err)
{
	bool pid = false, frontend = false, rest = false;
	struct haproxy_stats s = {
		.pid = (pid_t)stats_value(text, "Pid", &pid),
		.uptime_s = (unsigned int)stats_value(text, "Uptime_sec", &rest),
		.max_connections = (unsigned int)stats_value(text, "Maxconn", &rest),
		.pipes_used = (unsigned int)stats_value(text, "PipesUsed", &rest),
		.current_connections = (unsigned int)stats_counter(text, STATS_FRONTEND,
								   "scur", &frontend),
		.total_connections =
			stats_counter(text, STATS_FRONTEND, "stot", &frontend),
		.bytes_in = stats_counter(text, STATS_FRONTEND, "bin", &frontend),
		.bytes_out = stats_counter(text, STATS_FRONTEND, "bout", &frontend),
	};

	s.reused = stats_counter(text, STATS_REUSED, "reuse", &s.reuses);

	if (!pid || s.pid <= 0 || !frontend)
		return error_say(err, EPROTO,
				 "not what HAProxy answers to 'show info; show stat': "
				 "%.80s",
				 text);
	*out = s;
	return 0;
}

int haproxy_stats_read(const char *path, unsigned int timeout_ms,
		       struct haproxy_stats *out, struct error *err)
{
	_cleanup_close_ int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	long long end = stats_now_ms() + timeout_ms;
	char text[STATS_ANSWER_MAX];
	struct sockaddr_un to;
	int r;

	if (fd < 0)
		return error_set(err, errno, "open a socket");
	r = local_address(&to, path, err);
	if (r < 0)
		return r;
	r = stats_ask(fd, &to, end);
	if (!r)
		r = stats_answer(fd, text, sizeof(text), end);
	if (r < 0)
		return error_set(err, -r, "ask HAProxy at %s for its state", path);
	return haproxy_stats_parse(text, out, err);
}
