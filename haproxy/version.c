/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what HAProxy says about itself: `haproxy -vv` run and understood. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "haproxy/haproxy.h"
#include "helpers/cleanup.h"

/* `haproxy -vv` is 3 to 6 KB; what goes beyond this is no HAProxy. */
#define VERSION_OUTPUT_MAX 32768

/* The word after "HAProxy version " (2.4 and later) or "HA-Proxy version " (before). */
static const char *version_word(const char *vv)
{
	static const char *const heads[] = { "HAProxy version ", "HA-Proxy version " };

	for (size_t i = 0; i < 2; i++) {
		const char *at = strstr(vv, heads[i]);

		if (at && (at == vv || at[-1] == '\n'))
			return at + strlen(heads[i]);
	}
	return NULL;
}

static int version_number(const char **at, int *out)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)**at))
		return -EINVAL;
	n = strtol(*at, &end, 10);
	if (n > 999)
		return -EINVAL;
	*out = (int)n;
	*at = end;
	return 0;
}

/* "2.6.12-1+deb12u3", "3.2.3-1844da7", "2.6-dev5-f7ff9c-143" (patch 0). */
static int version_numbers(struct haproxy_version *v)
{
	const char *at = v->text;

	if (version_number(&at, &v->major) < 0 || *at++ != '.')
		return -EINVAL;
	if (version_number(&at, &v->minor) < 0)
		return -EINVAL;
	if (*at == '.') {
		at++;
		return version_number(&at, &v->patch);
	}
	return *at == '-' || !*at ? 0 : -EINVAL;
}

/* The "Feature list" line has +NAME for what is built in and -NAME for what is not. */
static bool version_feature(const char *vv, const char *name)
{
	const char *at = strstr(vv, "\nFeature list :");
	size_t n = strlen(name);

	if (!at)
		return false;
	at += strlen("\nFeature list :");
	while (*at == ' ') {
		size_t word = strcspn(++at, " \n");

		if (word == n + 1 && *at == '+' && !strncmp(at + 1, name, n))
			return true;
		at += word;
	}
	return false;
}

/* "(MAX_TGROUPS=16, MAX_THREADS=256, default=20)"; groups are named from 2.7 on. */
static unsigned int version_limit(const char *vv, const char *name, unsigned int fallback)
{
	const char *at = strstr(vv, "\nBuilt with multi-threading support (");
	const char *end = at ? strchr(at + 1, '\n') : NULL;
	const char *found = at ? strstr(at, name) : NULL;

	if (!found || (end && found > end))
		return fallback;
	return (unsigned int)strtoul(found + strlen(name), NULL, 10);
}

int haproxy_version_parse(const char *vv, struct haproxy_version *out, struct error *err)
{
	struct haproxy_version v = { 0 };
	const char *word = version_word(vv);
	size_t n = word ? strcspn(word, " \r\n\t") : 0;

	if (!n || n >= sizeof(v.text))
		return error_say(err, EPROTO,
				 "no line 'HAProxy version N.N' in the output of "
				 "haproxy -vv: is this HAProxy?");
	memcpy(v.text, word, n);
	if (version_numbers(&v) < 0)
		return error_say(err, EPROTO, "cannot read HAProxy's version '%s'",
				 v.text);
	if (v.major < 2 || (v.major == 2 && v.minor < 4))
		return error_say(err, ENOTSUP,
				 "HAProxy %s is too old: 2.4 or later is needed "
				 "(Debian 12 has 2.6)",
				 v.text);
	v.transparent = version_feature(vv, "TPROXY");
	v.splice = version_feature(vv, "LINUX_SPLICE");
	v.threads = version_feature(vv, "THREAD");
	v.tls = version_feature(vv, "OPENSSL");
	v.max_threads = v.threads ? version_limit(vv, "MAX_THREADS=", 64) : 1;
	v.max_groups = v.threads ? version_limit(vv, "MAX_TGROUPS=", 1) : 1;
	*out = v;
	return 0;
}

static int version_absent(const char *binary, int code, struct error *err)
{
	if (code == ENOENT)
		return error_say(err, code,
				 "run '%s -vv': there is no such program; install "
				 "HAProxy (Debian: apt install haproxy) or set "
				 "haproxy.binary",
				 binary);
	return error_set(err, code, "run '%s -vv'", binary);
}

/* In the child: the exec's errno goes to fd, which a successful exec closes. */
static void version_exec(const char *binary, int out, int fd)
{
	char name[] = "haproxy", verbose[] = "-vv";
	char *const argv[] = { name, verbose, NULL };
	char *const env[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0)
		execve(binary, argv, env);
	if (write(fd, &errno, sizeof(errno)) < 0)
		_exit(126);
	_exit(127);
}

static ssize_t version_drain(int fd, char *to, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size) {
		n = read(fd, to + used, size - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

static int version_pipe(int *reader, int *writer, struct error *err)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return error_set(err, errno, "open a pipe");
	*reader = fd[0];
	*writer = fd[1];
	return 0;
}

static int version_run(const char *binary, char *text, size_t size, struct error *err)
{
	_cleanup_close_ int out = -1, into = -1, fault = -1, tell = -1;
	int status, code = 0;
	ssize_t n;
	pid_t pid;

	if (version_pipe(&out, &into, err) < 0 || version_pipe(&fault, &tell, err) < 0)
		return -err->code;
	pid = fork();
	if (pid < 0)
		return error_set(err, errno, "fork for '%s -vv'", binary);
	if (!pid)
		version_exec(binary, into, tell);
	close(take_fd(into));
	close(take_fd(tell));
	n = version_drain(out, text, size - 1);
	text[n] = '\0';
	close(take_fd(out)); /* too much output ends in SIGPIPE, not in waiting */
	if (version_drain(fault, (char *)&code, sizeof(code)) != sizeof(code))
		code = 0;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_set(err, errno, "wait for '%s -vv'", binary);
	}
	if (code)
		return version_absent(binary, code, err);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return error_say(err, EIO, "'%s -vv' failed (%s %d)", binary,
				 WIFEXITED(status) ? "exit status" : "signal",
				 WIFEXITED(status) ? WEXITSTATUS(status)
						   : WTERMSIG(status));
	return 0;
}

int haproxy_version_read(const char *binary, struct haproxy_version *out,
			 struct error *err)
{
	_cleanup_free_ char *text = malloc(VERSION_OUTPUT_MAX);
	int r;

	if (!text)
		abort();
	r = version_run(binary, text, VERSION_OUTPUT_MAX, err);
	if (r < 0)
		return r;
	r = haproxy_version_parse(text, out, err);
	return r < 0 ? error_wrap(err, "'%s -vv'", binary) : 0;
}
