/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns result.json: making, reading and writing it, and its samples. */
#include "deploy/bench_result.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "deploy/bench_asked.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

#define RESULTS "results"

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

/* The newest unfinished run of the suite in results/; the caller's, NULL: none. */
static char *newest_unfinished(const char *suite)
{
	struct dirent **list = NULL;
	int n = scandir(RESULTS, &list, NULL, alphasort);
	char *found = NULL;

	for (int i = n - 1; i >= 0; i--) {
		_cleanup_free_ char *path = memory_printf(RESULTS "/%s", list[i]->d_name);
		const struct bench_suite *of;
		struct error ignored = { 0 };
		json_t *tree = NULL;

		if (!found && list[i]->d_name[0] != '.' &&
		    !bench_result_read(path, &tree, &of, &ignored) &&
		    !strcmp(of->name, suite) && !json_is_true(member(tree, "complete")))
			found = take_ptr(path);
		json_decref(tree);
		free(list[i]);
	}
	free(list);
	return found;
}

static int make_folder(const char *path, struct error *err)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST
		       ? error_set(err, errno, "make the directory %s", path)
		       : 0;
}

static json_t *result_new(const struct bench *b)
{
	json_t *options = json_pack(
		"{s:i,s:f,s:f,s:i,s:b,s:s,s:s,s:s,s:s}", "rounds", (int)b->rounds,
		"seconds", b->seconds, "warmup", b->warmup, "connections",
		(int)b->connections, "quick", b->options->quick, "generator",
		b->lab[0] ? "lab" : "external", "layout", b->suite->layout, "origin",
		b->suite->server ? b->suite->server : b->origin, "family", b->family);

	bench_asked_note(b, options);
	return json_pack("{s:s,s:s,s:s,s:s,s:I,s:b,s:o,s:o,s:[],s:[]}", "format",
			 BENCH_FORMAT, "suite", b->suite->name, "title", b->suite->title,
			 "lab", b->lab, "started", (json_int_t)time(NULL), "complete",
			 false, "options", options, "machine", bench_machine(b), "cases",
			 "samples");
}

static int open_new(struct bench *b, struct error *err)
{
	_cleanup_free_ char *path = NULL, *result = NULL;
	time_t t = time(NULL);
	struct tm at;
	char when[32];
	int r = 0;

	localtime_r(&t, &at);
	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &at);
	path = b->options->output ? memory_strdup(b->options->output)
				  : memory_printf(RESULTS "/%s-%s", b->suite->name, when);
	if (!b->options->output)
		r = make_folder(RESULTS, err);
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
	result = memory_printf("%s/" BENCH_RESULT, b->directory);
	if (!access(result, F_OK))
		return error_say(err, EEXIST,
				 "%s is there already: --resume goes on with it, or name "
				 "another directory",
				 result);
	b->result = result_new(b);
	return bench_result_write(b->result, b->directory, err);
}

/* What must be as it was for samples to belong together. */
static int resume_check(const struct bench *b, const json_t *old, struct error *err)
{
	static const char *const same[] = { "options.seconds", "options.warmup",
					    "options.connections", NULL };
	static const char *const words[] = { "origin", "family", NULL };
	json_t *now = result_new(b);
	int r = 0;

	if (!json_equal(member(old, "machine"), member(now, "machine")))
		r = error_say(err, EINVAL,
			      "%s was made on another machine, kernel or with other "
			      "versions: its samples and new ones do not belong together",
			      b->directory);
	for (size_t i = 0; !r && words[i]; i++) {
		const char *was = bench_word(member(old, "options"), words[i]);
		const char *is = bench_word(member(now, "options"), words[i]);

		if (strcmp(was, is) != 0)
			r = error_say(err, EINVAL,
				      "%s was run with %s '%s', and this call means '%s'",
				      b->directory, words[i], was, is);
	}
	for (size_t i = 0; !r && same[i]; i++) {
		if (bench_number(old, same[i]) < bench_number(now, same[i]) ||
		    bench_number(old, same[i]) > bench_number(now, same[i]))
			r = error_say(err, EINVAL,
				      "%s was run with %s = %g, and this call means %g",
				      b->directory, same[i] + strlen("options."),
				      bench_number(old, same[i]),
				      bench_number(now, same[i]));
	}
	if (!r)
		json_object_set(member(old, "options"), "rounds",
				member(member(now, "options"), "rounds"));
	json_decref(now);
	return r;
}

/* What the call does not say is as the run was begun. */
static void resume_adopt(struct bench *b, const json_t *old)
{
	const json_t *options = member(old, "options");

	if (!b->options->origin && *bench_word(options, "origin"))
		b->origin = bench_word(options, "origin");
	if (!b->options->family && *bench_word(options, "family"))
		b->family = bench_word(options, "family");
	if (!b->options->rounds)
		b->rounds = (unsigned int)bench_number(options, "rounds");
	if (b->options->seconds > 0)
		return;
	b->seconds = bench_number(options, "seconds");
	b->warmup = bench_number(options, "warmup");
	b->connections = (unsigned int)bench_number(options, "connections");
	b->quick = json_is_true(member(options, "quick"));
}

static int open_old(struct bench *b, struct error *err)
{
	_cleanup_free_ char *path = b->options->output
					    ? memory_strdup(b->options->output)
					    : newest_unfinished(b->suite->name);
	const struct bench_suite *suite;
	int r;

	if (!path)
		return error_say(err, ENOENT,
				 "there is no unfinished run of %s in " RESULTS
				 "/: --output names one elsewhere",
				 b->suite->name);
	r = bench_result_read(path, &b->result, &suite, err);
	if (r < 0)
		return r;
	b->directory = realpath(path, NULL);
	if (!b->directory)
		return error_set(err, errno, "find the directory %s", path);
	if (suite != b->suite)
		return error_say(err, EINVAL, "%s is a run of %s, not of %s", path,
				 suite->name, b->suite->name);
	resume_adopt(b, b->result);
	r = resume_check(b, b->result, err);
	if (!r)
		r = bench_asked_same(b, b->result, err);
	/* What a killed run left of its lab goes with the name. */
	snprintf(b->lab, sizeof(b->lab), "%s", bench_word(b->result, "lab"));
	b->load = 2 * (unsigned int)json_array_size(member(b->result, "samples"));
	log_info("going on with %s: %zu samples are there", b->directory,
		 json_array_size(member(b->result, "samples")));
	return r;
}

int bench_result_open(struct bench *b, struct error *err)
{
	return b->options->resume ? open_old(b, err) : open_new(b, err);
}
