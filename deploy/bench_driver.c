/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns bringing a benchmark's cases up and down, in the lab or on this machine. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deploy/bench.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/run.h"

#define DRIVER      "bench/driver"
#define UP_SECONDS  60
#define WORDS_MAX   32
#define LAB_SECONDS 120

/* Installed, the program is in sbin and the rest in libexec/hapep; built, both in .build.
 */
int bench_libexec(char **out, char **self, struct error *err)
{
	static const char *const places[] = { "libexec/hapep", "../libexec/hapep" };
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n < 0)
		return error_set(err, errno, "read /proc/self/exe");
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		_cleanup_free_ char *try =
			memory_printf("%.*s/%s", (int)(slash - exe), exe, places[i]);
		_cleanup_free_ char *driver = memory_printf("%s/" DRIVER, try);
		char *real;

		if (access(driver, X_OK))
			continue;
		real = realpath(try, NULL);
		if (!real)
			return error_set(err, errno, "find %s", try);
		*out = real;
		*self = memory_strdup(exe);
		return 0;
	}
	return error_say(err, ENOENT,
			 "there is no libexec/hapep/" DRIVER " beside %s: `make install` "
			 "puts it there, `make tools` makes it in the build's directory",
			 exe);
}

int bench_drive(struct bench *b, const char *const words[], bool stop,
		unsigned int seconds, struct text *out, struct error *err)
{
	_cleanup_free_ char *driver = memory_printf("%s/" DRIVER, b->libexec);
	_cleanup_free_ char *lab = memory_printf("HAPEP_LAB=%s", b->lab);
	_cleanup_free_ char *self = memory_printf("HAPEP=%s", b->self);
	_cleanup_free_ char *run = memory_printf("HAPEP_RUN=%s", b->directory);
	const char *environment[] = { lab, self, run, NULL };
	struct run_limits limits = { environment, stop ? b->signals : -1, seconds };
	const char *argv[WORDS_MAX + 2] = { driver };
	size_t n = 0;

	for (; words[n]; n++) {
		if (n == WORDS_MAX)
			return error_set(err, E2BIG, "run the driver");
		argv[n + 1] = words[n];
	}
	return run_program_within(argv, &limits, out, err);
}

int bench_begin(struct bench *b, struct error *err)
{
	const char *words[] = { "begin", b->suite->layout,
				b->suite->server ? b->suite->server : b->origin, NULL };

	if (!b->lab[0])
		return 0;
	return bench_drive(b, words, true, LAB_SECONDS, NULL, err) < 0
		       ? error_wrap(err, "bring lab '%s' up", b->lab)
		       : 0;
}

int bench_end(struct bench *b, struct error *err)
{
	const char *words[] = { "end", NULL };

	if (!b->lab[0])
		return 0;
	return bench_drive(b, words, false, LAB_SECONDS, NULL, err) < 0
		       ? error_wrap(err, "take lab '%s' down", b->lab)
		       : 0;
}

/* A blade of this machine's own, for an outside generator. */
static int self_run(struct bench *b, const char *verb, const char *file,
		    struct error *err)
{
	const char *argv[] = { b->self,     verb,       "--quiet", "--name",
			       BENCH_BLADE, "--config", file,      NULL };
	struct run_limits limits = { NULL, -1, UP_SECONDS };

	if (!file)
		argv[5] = NULL;
	return run_program_within(argv, &limits, NULL, err);
}

int bench_leftover_end(struct bench *b, struct error *err)
{
	return b->lab[0] ? bench_end(b, err) : self_run(b, "down", NULL, err);
}

int bench_up(struct bench *b, const struct bench_case *c, struct error *err)
{
	_cleanup_free_ char *file = bench_case_file(b, c);
	const char *words[] = { "up", c->kind, file, NULL };
	int r = b->lab[0] ? bench_drive(b, words, true, UP_SECONDS, NULL, err)
			  : self_run(b, "up", file, err);

	return r < 0 ? error_wrap(err, "bring it up") : 0;
}

int bench_down(struct bench *b, const struct bench_case *c, struct error *err)
{
	const char *words[] = { "down", c->kind, NULL };
	int r = b->lab[0] ? bench_drive(b, words, false, UP_SECONDS, NULL, err)
			  : self_run(b, "down", NULL, err);

	return r < 0 ? error_wrap(err, "take it down") : 0;
}
