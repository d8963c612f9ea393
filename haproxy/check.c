/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `haproxy -c`: HAProxy's own verdict on a rendered configuration. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "haproxy/instance.h"
#include "haproxy/listener.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

#define CHECK_WORDS_MAX 16384

struct haproxy_check {
	const struct haproxy_plan *plan;
	unsigned int k;
	pid_t pid;
	int words;
};

int haproxy_check_start(const struct haproxy_plan *p, const struct haproxy_version *v,
			unsigned int k, const struct haproxy_listeners *l,
			struct haproxy_check **out, struct error *err)
{
	_cleanup_close_ int reader = -1, writer = -1, stats = -1, probe = -1;
	struct launch x = { .plan = p, .version = v, .k = k, .nsfd = -1, .check = true };
	struct haproxy_check *c;
	pid_t pid;
	int fd[2], r;

	stats = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (stats < 0 || probe < 0 || pipe2(fd, O_CLOEXEC) < 0)
		return error_set(err, errno, "prepare to run haproxy -c");
	reader = fd[0];
	writer = fd[1];
	x.stats_fd = stats;
	x.probe_fd = probe;
	x.out_fd = writer;
	x.sockets = listeners_of(l, k, &x.n_sockets);
	r = launch(&x, &pid, err);
	if (r < 0)
		return error_wrap(err, "haproxy -c");
	c = memory_new(1, sizeof(*c));
	*c = (struct haproxy_check){
		.plan = p, .k = k, .pid = pid, .words = take_fd(reader)
	};
	*out = c;
	return 0;
}

static void check_read(int fd, char *words, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size - 1) {
		n = read(fd, words + used, size - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	words[used] = '\0';
}

/*
 * The sentence that matters: of the first [ALERT] line what follows "(pid) : ", with the
 * configuration's path in it (nobody can open that) put into words; else the last line.
 */
const char *check_sentence(const char *words, char *out, size_t size)
{
	const char *at = strstr(words, "[ALERT]");
	const char *path;
	size_t n;

	if (at) {
		const char *colon = strstr(at, ") : ");

		at = colon ? colon + 4 : at;
	} else {
		at = words + strlen(words);
		while (at > words && (at == words + strlen(words) || at[-1] != '\n' ||
				      !at[strspn(at, "\n")]))
			at--;
	}
	n = strcspn(at, "\n");
	path = memmem(at, n, LAUNCH_CONFIG_PATH ":", strlen(LAUNCH_CONFIG_PATH ":"));
	if (path)
		snprintf(out, size, "%.*sline %.*s", (int)(path - at), at,
			 (int)(n - (size_t)(path - at) - strlen(LAUNCH_CONFIG_PATH ":")),
			 path + strlen(LAUNCH_CONFIG_PATH ":"));
	else
		snprintf(out, size, "%.*s", (int)n, at);
	return out;
}

int haproxy_check_finish(struct haproxy_check *c, struct error *err)
{
	_cleanup_free_ struct haproxy_check *owned = c;
	_cleanup_close_ int reader = c->words;
	char words[CHECK_WORDS_MAX], sentence[1024];
	int status;

	check_read(reader, words, sizeof(words));
	close(take_fd(reader)); /* with more to say it ends in SIGPIPE */
	while (waitpid(c->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_set(err, errno, "wait for haproxy -c");
	}
	if (WIFSIGNALED(status))
		return error_say(err, EIO, "haproxy -c of instance %u died of signal %d",
				 c->k, WTERMSIG(status));
	if (!WEXITSTATUS(status))
		return 0;
	return error_say(err, EINVAL,
			 "HAProxy refuses the configuration of instance %u (haproxy -c, "
			 "status %d): %s",
			 c->k, WEXITSTATUS(status),
			 check_sentence(words, sentence, sizeof(sentence)));
}

int haproxy_instance_check(const struct haproxy_plan *p, const struct haproxy_version *v,
			   unsigned int k, const struct haproxy_listeners *l,
			   struct error *err)
{
	struct haproxy_check *c;
	int r = haproxy_check_start(p, v, k, l, &c, err);

	return r < 0 ? r : haproxy_check_finish(c, err);
}

/* As many at a time as there are CPUs: each is 8 ms of CPU and 15 MB. */
int haproxy_check_all(const struct haproxy_plan *p, const struct haproxy_version *v,
		      const struct haproxy_listeners *l, struct error *err)
{
	unsigned int n = haproxy_instances(p), started = 0, finished = 0;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int most = cpus > 0 ? (unsigned int)cpus : 1;
	_cleanup_free_ struct haproxy_check **c =
		memory_new(n, sizeof(struct haproxy_check *));
	struct error late;
	int r = 0;

	while (finished < n && (!r || finished < started)) {
		if (!r && started < n && started - finished < most) {
			r = haproxy_check_start(p, v, started, l, &c[started], err);
			started += !r;
		} else {
			int verdict =
				haproxy_check_finish(c[finished++], r ? &late : err);

			r = r ? r : verdict;
		}
	}
	return r;
}
