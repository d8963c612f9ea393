/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns going on with a run: which one, and whether new samples belong to it. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/bench_asked.h"
#include "deploy/bench_difference.h"
#include "deploy/bench_lock.h"
#include "deploy/bench_result.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

/* The newest unfinished run of the suite in results/; the caller's, NULL: none. */
static char *newest_unfinished(const char *suite)
{
	struct dirent **list = NULL;
	int n = scandir(BENCH_RESULTS, &list, NULL, alphasort);
	char *found = NULL;

	for (int i = n - 1; i >= 0; i--) {
		_cleanup_free_ char *path =
			memory_printf(BENCH_RESULTS "/%s", list[i]->d_name);
		const struct bench_suite *of;
		struct error ignored = { 0 };
		json_t *tree = NULL;

		if (!found && list[i]->d_name[0] != '.' &&
		    !bench_result_read(path, &tree, &of, &ignored) &&
		    !strcmp(of->name, suite) &&
		    !json_is_true(json_object_get(tree, "complete")))
			found = take_ptr(path);
		json_decref(tree);
		free(list[i]);
	}
	free(list);
	return found;
}

/* What to do about an option's difference. */
static const char *option_advice(const char *name)
{
	static const char *const words[][2] = {
		{ "seconds", "give the same --seconds, or leave it out" },
		{ "origin", "give the same --origin, or leave it out" },
		{ "family", "give the same --family, or leave it out" },
		{ "quick", "leave --quick out" },
		{ "generator", "give the same --generator, and its --config" },
		{ "hook", "give the same --hook" },
	};

	for (size_t i = 0; i < BENCH_COUNT(words); i++) {
		if (!strcmp(words[i][0], name))
			return words[i][1];
	}
	return "only this hapep's own defaults give it";
}

static int options_check(json_t *was, json_t *now, const char *directory,
			 struct error *err)
{
	double had = bench_number(was, "rounds"), asked = bench_number(now, "rounds");
	json_t *list = bench_differences(was, now), *d;
	int r = 0;
	size_t i;

	json_array_foreach(list, i, d)
	{
		const char *name = bench_word(d, "name");

		if (r || !strcmp(name, "rounds") || !strcmp(name, "cases"))
			continue; /* cases: bench_asked_same() */
		r = error_say(err, EINVAL,
			      "--resume: %s has %s = %s, and this call means %s: %s, or "
			      "begin another run with --output",
			      directory, name, bench_word(d, "from"), bench_word(d, "to"),
			      option_advice(name));
	}
	json_decref(list);
	if (!r && asked < had)
		r = error_say(
			err, EINVAL,
			"--resume: %s has rounds = %g, and this call means %g: they "
			"can only become more; leave --rounds out, or begin another "
			"run with --output",
			directory, had, asked);
	return r;
}

static int machine_check(json_t *was, json_t *now, const char *directory,
			 struct error *err)
{
	json_t *list = bench_differences(was, now), *d = json_array_get(list, 0);
	int r = 0;

	if (d)
		r = error_say(
			err, EINVAL,
			"--resume: %s was measured with machine.%s = %s, and here "
			"it is %s: samples of the two do not belong together; begin "
			"another run with --output, and see `hapep bench compare`",
			directory, bench_word(d, "name"), bench_word(d, "from"),
			bench_word(d, "to"));
	json_decref(list);
	return r;
}

int bench_resume_check(const json_t *was, const json_t *now, const char *directory,
		       struct error *err)
{
	int r;

	if (strcmp(bench_word(was, "suite"), bench_word(now, "suite")) != 0)
		return error_say(err, EINVAL,
				 "--resume: %s has suite = %s, and this call means %s: "
				 "say `hapep bench %s`, or name another run with "
				 "--output",
				 directory, bench_word(was, "suite"),
				 bench_word(now, "suite"), bench_word(was, "suite"));
	r = options_check(json_object_get(was, "options"),
			  json_object_get(now, "options"), directory, err);
	return r ? r
		 : machine_check(json_object_get(was, "machine"),
				 json_object_get(now, "machine"), directory, err);
}

/* What the call does not say is as the run was begun. */
static void resume_adopt(struct bench *b, const json_t *was)
{
	const json_t *options = json_object_get(was, "options");

	if (!b->options->origin && *bench_word(options, "origin"))
		b->origin = bench_word(options, "origin");
	if (!b->options->family && *bench_word(options, "family"))
		b->family = bench_word(options, "family");
	if (!b->options->rounds)
		b->rounds = (unsigned int)bench_number(options, "rounds");
	if (!(b->options->seconds > 0))
		b->seconds = bench_number(options, "seconds");
	if (b->options->quick)
		return;
	b->quick = json_is_true(json_object_get(options, "quick"));
	b->warmup = bench_number(options, "warmup");
	b->connections = (unsigned int)bench_number(options, "connections");
}

/* The cases' configurations are as they were, and so is how they are loaded. */
static int cases_check(struct bench *b, struct error *err)
{
	json_t *was = json_object_get(b->result, "cases"), *tree;
	size_t i;
	int r = 0;

	json_array_foreach(was, i, tree)
	{
		if (!r)
			r = bench_case_check(b, tree, err);
	}
	return r;
}

/* The lab keeps its name: what a killed run left of it goes with that. */
static int lab_adopt(struct bench *b, struct error *err)
{
	if (*bench_word(b->result, "lab"))
		snprintf(b->lab, sizeof(b->lab), "%s", bench_word(b->result, "lab"));
	return bench_name_lock(b, err);
}

static int resume_open(struct bench *b, const char *path, struct error *err)
{
	const struct bench_suite *suite;
	json_t *now;
	int r = bench_result_read(path, &b->result, &suite, err);

	if (r < 0)
		return r;
	/* Of another suite's options nothing is ours. */
	if (suite == b->suite)
		resume_adopt(b, b->result);
	now = bench_result_new(b);
	r = bench_resume_check(b->result, now, b->directory, err);
	if (!r)
		r = bench_asked_same(b, b->result, err);
	if (!r)
		r = cases_check(b, err);
	if (!r)
		r = lab_adopt(b, err);
	if (!r) {
		json_object_set(
			json_object_get(b->result, "options"), "rounds",
			json_object_get(json_object_get(now, "options"), "rounds"));
		json_object_set_new(b->result, "lab", json_string(b->lab));
		b->load = 2 * (unsigned int)json_array_size(
				      json_object_get(b->result, "samples"));
		log_info("going on with %s: %zu samples are there", b->directory,
			 json_array_size(json_object_get(b->result, "samples")));
	}
	json_decref(now);
	return r;
}

int bench_resume(struct bench *b, struct error *err)
{
	_cleanup_free_ char *path = b->options->output
					    ? memory_strdup(b->options->output)
					    : newest_unfinished(b->suite->name);
	int r;

	if (!path)
		return error_say(err, ENOENT,
				 "there is no unfinished run of %s in " BENCH_RESULTS
				 "/: --output names one elsewhere",
				 b->suite->name);
	b->directory = realpath(path, NULL);
	if (!b->directory)
		return error_set(err, errno, "find the directory %s", path);
	r = bench_directory_lock(b, err);
	return r < 0 ? r : resume_open(b, path, err);
}
