/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading the options that `hapep bench` alone has. */
#include "deploy/bench_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/text.h"

/* A number and nothing else; false where it is none. */
static bool number_read(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end != text && !*end;
}

static int rounds_set(const char *value, struct bench_options *o, struct error *err)
{
	double n;

	if (!number_read(value, &n) || !(n >= 1 && n <= 1000) ||
	    (double)(unsigned int)n < n)
		return error_say(err, EINVAL, "--rounds: expected 1..1000, got '%s'",
				 value);
	o->rounds = (unsigned int)n;
	return 0;
}

static int seconds_set(const char *value, struct bench_options *o, struct error *err)
{
	double n;

	if (!number_read(value, &n) || !(n >= 0.1 && n <= 3600))
		return error_say(err, EINVAL, "--seconds: expected 0.1..3600, got '%s'",
				 value);
	o->seconds = n;
	return 0;
}

/* One of the words of a NULL-terminated list. */
static int choice_set(const char *option, const char *value, const char *const words[],
		      const char **out, struct error *err)
{
	_cleanup_text_ struct text all = { 0 };

	for (size_t i = 0; words[i]; i++) {
		if (!strcmp(value, words[i])) {
			*out = words[i];
			return 0;
		}
		text_add(&all, "%s%s", !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
	}
	return error_say(err, EINVAL, "--%s: expected %s, got '%s'", option, all.text,
			 value);
}

/* Which there are, the benchmark knows. One that is named twice is one. */
static int case_add(const char *value, struct bench_options *o, struct error *err)
{
	for (size_t i = 0; i < o->cases_n; i++) {
		if (!strcmp(o->cases[i], value))
			return 0;
	}
	if (o->cases_n == BENCH_CASES)
		return error_say(err, EINVAL, "--case: at most %d of them", BENCH_CASES);
	o->cases[o->cases_n++] = value;
	return 0;
}

int bench_option_set(const char *word, const char *value, struct bench_options *o,
		     struct error *err)
{
	static const char *const origins[] = { "origin", "nginx", NULL };
	static const char *const families[] = { "4", "6", "both", NULL };

	if (!strcmp(word, "origin"))
		return choice_set(word, value, origins, &o->origin, err);
	if (!strcmp(word, "family"))
		return choice_set(word, value, families, &o->family, err);
	if (!strcmp(word, "case"))
		return case_add(value, o, err);
	if (!strcmp(word, "rounds"))
		return rounds_set(value, o, err);
	if (!strcmp(word, "seconds"))
		return seconds_set(value, o, err);
	if (!strcmp(word, "quick"))
		o->quick = true;
	else if (!strcmp(word, "resume"))
		o->resume = true;
	else if (!strcmp(word, "profile"))
		o->profile = true;
	else if (!strcmp(word, "output"))
		o->output = value;
	else if (!strcmp(word, "generator"))
		o->generator = value;
	else if (!strcmp(word, "hook"))
		o->hook = value;
	else
		return error_say(err, EINVAL, "--%s is no option of bench", word);
	return 0;
}
