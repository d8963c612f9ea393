/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the operator's own generator: its hook, and asking for what it said. */
#include "deploy/bench_external.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/run.h"

#define HOOK_SECONDS 3600

/* What a load's words say of a key; other where they do not. */
static const char *load_word(const struct bench_case *c, const char *key,
			     const char *other)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < BENCH_SETTINGS && c->load[i]; i++) {
		if (!strncmp(c->load[i], key, n) && c->load[i][n] == '=')
			return c->load[i] + n + 1;
	}
	return other;
}

enum { HOOK_WORDS = 12 };

/* What the hook is told, and what ssh(1) wants of its caller; the words are the caller's.
 */
static void hook_environment(const struct bench *b, const struct bench_case *c,
			     const char *file, char *words[HOOK_WORDS + 1])
{
	static const char *const passed[] = { "HOME", "SSH_AUTH_SOCK" };
	_cleanup_free_ char *connections = memory_printf("%u", b->connections);
	size_t n = 0;

	words[n++] = memory_printf("HAPEP_BENCHMARK=%s", b->suite->name);
	words[n++] = memory_printf("HAPEP_CASE=%s", c->name);
	words[n++] = memory_printf("HAPEP_CONFIGURATION=%s", file);
	words[n++] = memory_printf("HAPEP_RUN=%s", b->directory);
	words[n++] = memory_printf("HAPEP_SIZE=%s", load_word(c, "size", "8192"));
	words[n++] = memory_printf("HAPEP_CONNECTIONS=%s",
				   load_word(c, "connections", connections));
	words[n++] = memory_printf("HAPEP_WARMUP=%g", b->warmup);
	words[n++] = memory_printf("HAPEP_SECONDS=%g", b->seconds);
	for (size_t i = 0; i < BENCH_COUNT(passed); i++) {
		const char *value = getenv(passed[i]);

		if (value)
			words[n++] = memory_printf("%s=%s", passed[i], value);
	}
	words[n] = NULL;
}

/* A figure is a number, or is not given: null is as good as nothing. */
static int figure_check(const struct bench *b, const json_t *tree, const char *path,
			bool needed, struct error *err)
{
	const json_t *value = bench_member(tree, path);

	if (json_is_number(value) && json_number_value(value) >= 0)
		return 0;
	if (!needed && (!value || json_is_null(value)))
		return 0;
	return error_say(err, EPROTO, "the hook %s gave %s %s: expected a number",
			 b->options->hook, value ? "for" : "no", path);
}

int bench_external_check(const struct bench *b, const json_t *load, struct error *err)
{
	static const char *const figures[] = {
		"tps",
		"seconds",
		"transactions",
		"warmup_transactions",
		"drained_transactions",
		"bytes_per_second",
		"failures.total",
		"latency_us.first_byte.mean",
		"latency_us.first_byte.p50",
		"latency_us.first_byte.p99",
	};
	int r = 0;

	for (size_t i = 0; !r && i < BENCH_COUNT(figures); i++)
		r = figure_check(b, load, figures[i], !i, err);
	return r;
}

static int hook_load(struct bench *b, const struct bench_case *c, json_t **out,
		     struct error *err)
{
	_cleanup_free_ char *file = bench_case_file(b, c);
	_cleanup_free_ char *seconds = memory_printf("%g", b->seconds);
	const char *argv[] = { b->options->hook, "load", c->name, seconds, file, NULL };
	char *words[HOOK_WORDS + 1];
	struct run_limits limits = { (const char *const *)words, b->signals,
				     HOOK_SECONDS };
	_cleanup_text_ struct text text = { 0 };
	json_error_t where;
	json_t *load;
	int r;

	hook_environment(b, c, file, words);
	r = run_program_within(argv, &limits, &text, err);
	for (size_t i = 0; words[i]; i++)
		free(words[i]);
	if (r < 0)
		return error_wrap(err, "hook");
	load = json_loads(text.text ? text.text : "", 0, &where);
	if (!load)
		return error_say(err, EPROTO,
				 "the hook %s wrote no JSON to its standard output: %s",
				 b->options->hook, where.text);
	r = bench_external_check(b, load, err);
	if (r < 0)
		json_decref(load);
	else
		*out = load;
	return r;
}

/* A line of the operator's, unless a signal comes first. */
static int answer_read(struct bench *b, char *line, size_t size, struct error *err)
{
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
				 { .fd = b->signals, .events = POLLIN } };

	while (poll(fds, 2, -1) < 0) {
		if (errno != EINTR)
			return error_set(err, errno, "wait for the figures");
	}
	if (fds[1].revents)
		return error_say(err, ECANCELED, "interrupted");
	if (!fgets(line, (int)size, stdin))
		return error_say(err, EIO,
				 "no figures: standard input ended; where nobody types "
				 "them, --hook names a program that runs the generator");
	return 0;
}

/* How many numbers the line has, and nothing else; 0: it is no answer. */
static int answer_parse(const char *line, double v[4])
{
	const char *s = line;
	char *end;
	int n = 0;

	for (; n < 4; n++, s = end) {
		v[n] = strtod(s, &end);
		if (end == s || !(v[n] >= 0))
			break;
	}
	return s[strspn(s, " \t\r\n")] || n < 1 || !(v[0] > 0) ? 0 : n;
}

/* What was not typed is not known, and not there. */
static json_t *answer_json(double seconds, const double v[4], int n)
{
	json_t *ttfb = json_object();
	json_t *tree = json_pack("{s:f,s:f,s:f,s:{s:o}}", "tps", v[0], "seconds", seconds,
				 "transactions", v[0] * seconds, "latency_us",
				 "first_byte", ttfb);

	if (n > 1)
		json_object_set_new(ttfb, "mean", json_real(v[1] * 1000));
	if (n > 2)
		json_object_set_new(ttfb, "p99", json_real(v[2] * 1000));
	if (n > 3)
		json_object_set_new(tree, "failures", json_pack("{s:f}", "total", v[3]));
	return tree;
}

/* TPS and TTFB in milliseconds, as generators print them. */
static int answer_ask(struct bench *b, const struct bench_case *c, json_t **out,
		      struct error *err)
{
	double v[4]; /* TPS, TTFB mean and 99 per cent, failures */
	char line[256];
	int n, r;

	do {
		fprintf(stderr,
			"'%s' is up. Run the generator for %g s, then type: TPS "
			"[TTFB-ms [99%%-TTFB-ms [FAILURES]]]\n> ",
			c->name, b->seconds);
		r = answer_read(b, line, sizeof(line), err);
		if (r < 0)
			return r;
		n = answer_parse(line, v);
		if (!n)
			fprintf(stderr,
				"expected up to four numbers, the first above 0\n");
	} while (!n);
	*out = answer_json(b->seconds, v, n);
	return 0;
}

int bench_external_load(struct bench *b, const struct bench_case *c, json_t **out,
			struct error *err)
{
	return b->options->hook ? hook_load(b, c, out, err) : answer_ask(b, c, out, err);
}
