/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns result.json: making, reading and writing it, and its samples. */
#include "deploy/bench_result.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "deploy/bench_asked.h"
#include "deploy/bench_lock.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

static json_t *member(const json_t *tree, const char *key)
{
	return json_object_get(tree, key);
}

int bench_file_write(const char *path, const char *bytes, struct error *err)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t left = strlen(bytes);

	while (fd >= 0 && left) {
		ssize_t n = write(fd, bytes, left);

		if (n < 0)
			break;
		bytes += n;
		left -= (size_t)n;
	}
	return left || fd < 0 || fsync(fd) ? error_set(err, errno, "write %s", path) : 0;
}

int bench_result_write(const json_t *result, const char *directory, struct error *err)
{
	_cleanup_free_ char *path = memory_printf("%s/" BENCH_RESULT, directory);
	_cleanup_free_ char *draft = memory_printf("%s/." BENCH_RESULT, directory);
	_cleanup_free_ char *text =
		json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(9));
	int r = text ? bench_file_write(draft, text, err)
		     : error_say(err, EPROTO, "write %s: not all of it is JSON", path);

	if (!r && rename(draft, path))
		r = error_set(err, errno, "write %s", path);
	return r;
}

int bench_result_read(const char *directory, json_t **out,
		      const struct bench_suite **suite, struct error *err)
{
	_cleanup_free_ char *path = memory_printf("%s/" BENCH_RESULT, directory);
	json_error_t where;
	json_t *tree;

	if (access(path, R_OK))
		return error_set(err, errno, "read %s", path);
	tree = json_load_file(path, 0, &where);
	if (!tree)
		return error_say(err, EPROTO, "%s:%d: %s", path, where.line, where.text);
	*suite = bench_suite_find(bench_word(tree, "suite"));
	if (strcmp(bench_word(tree, "format"), BENCH_FORMAT) || !*suite ||
	    !json_is_array(member(tree, "samples")) ||
	    !json_is_array(member(tree, "cases"))) {
		error_say(err, EPROTO,
			  "%s is no result of this hapep's: expected format " BENCH_FORMAT
			  " and a suite it knows, got '%s' and '%s'",
			  path, bench_word(tree, "format"), bench_word(tree, "suite"));
		json_decref(tree);
		return -EPROTO;
	}
	*out = tree;
	return 0;
}

const json_t *bench_result_sample(const json_t *result, const char *name,
				  unsigned int round)
{
	size_t i;
	json_t *sample;

	json_array_foreach(member(result, "samples"), i, sample)
	{
		if (!strcmp(bench_word(sample, "case"), name) &&
		    json_integer_value(member(sample, "round")) == round)
			return sample;
	}
	return NULL;
}

int bench_result_add(json_t *result, const char *directory, json_t *sample,
		     struct error *err)
{
	json_t *list = member(result, "samples"), *other;
	size_t i;

	json_array_foreach(list, i, other)
	{
		if (!strcmp(bench_word(other, "case"), bench_word(sample, "case")) &&
		    json_equal(member(other, "round"), member(sample, "round"))) {
			json_array_remove(list, i);
			break;
		}
	}
	json_array_append_new(list, sample);
	return bench_result_write(result, directory, err);
}

size_t bench_result_failures(const json_t *result)
{
	size_t i, n = 0;
	json_t *sample;

	json_array_foreach(member(result, "samples"), i, sample)
	{
		n += member(sample, "error") != NULL;
	}
	return n;
}

double *bench_result_values(const json_t *result, const char *name, const char *metric,
			    size_t *n)
{
	json_t *list = member(result, "samples"), *sample;
	double *v = memory_new(json_array_size(list) + 1, sizeof(*v));
	size_t i;

	*n = 0;
	json_array_foreach(list, i, sample)
	{
		const json_t *value = member(member(sample, "metrics"), metric);

		if (!strcmp(bench_word(sample, "case"), name) &&
		    !member(sample, "error") && json_is_number(value))
			v[(*n)++] = json_number_value(value);
	}
	return v;
}

static int make_folder(const char *path, struct error *err)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST
		       ? error_set(err, errno, "make the directory %s", path)
		       : 0;
}

json_t *bench_result_new(const struct bench *b)
{
	const bool lab = b->lab[0];
	const char *serves = b->suite->server ? b->suite->server : b->origin;
	/* What an outside generator talks to, and how, is not ours to say. */
	json_t *options = json_pack(
		"{s:i,s:b,s:f,s:f,s:i,s:s,s:s*,s:s,s:s*,s:s*}", "rounds", (int)b->rounds,
		"quick", b->quick, "seconds", b->seconds, "warmup", b->warmup,
		"connections", (int)b->connections, "generator", lab ? "lab" : "external",
		"hook", lab ? NULL : b->options->hook, "layout", b->suite->layout,
		"origin", lab ? serves : NULL, "family", lab ? b->family : NULL);

	bench_asked_note(b, options);
	return json_pack("{s:s,s:s,s:s,s:s,s:I,s:b,s:o,s:o,s:[],s:[]}", "format",
			 BENCH_FORMAT, "suite", b->suite->name, "title", b->suite->title,
			 "lab", b->lab, "started", (json_int_t)time(NULL), "complete",
			 false, "options", options, "machine", bench_machine(b), "cases",
			 "samples");
}

/* The directory that --output names, or one of this second; made where there is none. */
static int directory_make(struct bench *b, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	time_t t = time(NULL);
	struct tm at;
	char when[32];
	int r = 0;

	localtime_r(&t, &at);
	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &at);
	path = b->options->output
		       ? memory_strdup(b->options->output)
		       : memory_printf(BENCH_RESULTS "/%s-%s", b->suite->name, when);
	if (!b->options->output)
		r = make_folder(BENCH_RESULTS, err);
	if (!r)
		r = make_folder(path, err);
	if (r < 0)
		return r;
	b->directory = realpath(path, NULL);
	if (!b->directory)
		return error_set(err, errno, "find the directory %s", path);
	if (!strncmp(b->directory, "/run/", 5) || !strncmp(b->directory, "/sys/", 5))
		return error_say(
			err, EINVAL,
			"--output %s: the lab's blade has a /run and /sys of its "
			"own and could not see it: take another place",
			b->directory);
	return 0;
}

static int open_new(struct bench *b, struct error *err)
{
	_cleanup_free_ char *result = NULL;
	int r = directory_make(b, err);

	if (!r)
		r = bench_directory_lock(b, err);
	if (r < 0)
		return r;
	result = memory_printf("%s/" BENCH_RESULT, b->directory);
	if (!access(result, F_OK))
		return error_say(err, EEXIST,
				 "%s is there already: --resume goes on with it, or name "
				 "another directory",
				 result);
	r = bench_name_lock(b, err);
	if (r < 0)
		return r;
	b->result = bench_result_new(b);
	return bench_result_write(b->result, b->directory, err);
}

int bench_result_open(struct bench *b, struct error *err)
{
	return b->options->resume ? bench_resume(b, err) : open_new(b, err);
}
