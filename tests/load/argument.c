/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses, explains and lists command-line options by their table. */
#include "tests/load/argument.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HELP_INDENT 22

static const struct argument *argument_find(const struct argument_table *table,
					    const char *name, size_t len)
{
	for (const struct argument *a = table->argument; a->name; a++)
		if (strlen(a->name) == len && !strncmp(a->name, name, len))
			return a;
	return NULL;
}

static int bounds_complain(const struct argument *a, const char *text,
			   struct complaint *why)
{
	return complaint_set(why, EINVAL,
			     "--%s: expected %s from %.15g to %.15g, got '%s'", a->name,
			     a->kind == ARGUMENT_COUNT ? "a whole number" : "a number",
			     a->minimum, a->maximum, text);
}

static int count_set(const struct argument *a, const char *text, uint64_t *out,
		     struct complaint *why)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno ||
	    (double)value < a->minimum || (double)value > a->maximum)
		return bounds_complain(a, text, why);
	*out = value;
	return 0;
}

static int number_set(const struct argument *a, const char *text, double *out,
		      struct complaint *why)
{
	double value;
	char *end;

	errno = 0;
	value = strtod(text, &end);
	if (!text[0] || text[strspn(text, "0123456789.")] || *end || errno ||
	    !isfinite(value) || value < a->minimum || value > a->maximum)
		return bounds_complain(a, text, why);
	*out = value;
	return 0;
}

static int list_add(const struct argument *a, const char *text,
		    struct argument_list *list, struct complaint *why)
{
	if (list->count == ARGUMENT_LIST_MAX)
		return complaint_set(why, EINVAL, "--%s is given more than %d times",
				     a->name, ARGUMENT_LIST_MAX);
	list->item[list->count++] = text;
	return 0;
}

static int argument_set(const struct argument *a, const char *text, void *options,
			struct complaint *why)
{
	char *field = (char *)options + a->offset;

	switch (a->kind) {
	case ARGUMENT_FLAG:
		*(bool *)(void *)field = true;
		break;
	case ARGUMENT_COUNT:
		return count_set(a, text, (uint64_t *)(void *)field, why);
	case ARGUMENT_NUMBER:
		return number_set(a, text, (double *)(void *)field, why);
	case ARGUMENT_TEXT:
		*(const char **)(void *)field = text;
		break;
	case ARGUMENT_LIST:
		return list_add(a, text, (struct argument_list *)(void *)field, why);
	}
	return 0;
}

/* @next is the word after @word; *@used says whether it was taken as the value. */
static int word_parse(const struct argument_table *table, const char *word,
		      const char *next, uint64_t *given, bool *used, void *options,
		      struct complaint *why)
{
	const char *equals = strchrnul(word, '=');
	const struct argument *a;
	const char *text = NULL;
	uint64_t bit;

	*used = false;
	if (strncmp(word, "--", 2))
		return complaint_set(why, EINVAL, "'%s' is not an option: see --help",
				     word);
	a = argument_find(table, word + 2, (size_t)(equals - word) - 2);
	if (!a)
		return complaint_set(why, EINVAL, "unknown option '%s': see --help",
				     word);
	bit = UINT64_C(1) << (a - table->argument);
	if (*given & bit && a->kind != ARGUMENT_LIST)
		return complaint_set(why, EINVAL, "--%s is given twice", a->name);
	*given |= bit;
	if (*equals)
		text = equals + 1;
	if (a->kind == ARGUMENT_FLAG && text)
		return complaint_set(why, EINVAL, "--%s takes no value, got '%s'",
				     a->name, text);
	if (a->kind != ARGUMENT_FLAG && !text) {
		if (!next || !strncmp(next, "--", 2))
			return complaint_set(why, EINVAL, "--%s needs a value: %s",
					     a->name, a->value);
		text = next;
		*used = true;
	}
	return argument_set(a, text, options, why);
}

int arguments_parse(const struct argument_table *table, int argc, char **argv,
		    void *options, struct complaint *why)
{
	uint64_t given = 0;
	bool used;

	for (int i = 1; i < argc; i += 1 + used) {
		int rc = word_parse(table, argv[i], i + 1 < argc ? argv[i + 1] : NULL,
				    &given, &used, options, why);

		if (rc)
			return rc;
	}
	return 0;
}

void arguments_help(const struct argument_table *table, FILE *out)
{
	fprintf(out, "%s\n", table->usage);
	for (const struct argument *a = table->argument; a->name; a++) {
		const char *line = a->text;
		int used = fprintf(out, "  --%s%s%s", a->name, a->value ? " " : "",
				   a->value ? a->value : "");

		if (used >= HELP_INDENT) {
			fputc('\n', out);
			used = 0;
		}
		while (*line) {
			const char *end = strchrnul(line, '\n');

			fprintf(out, "%*s%.*s\n", HELP_INDENT - used, "",
				(int)(end - line), line);
			used = 0;
			line = *end ? end + 1 : end;
		}
	}
	fprintf(out, "%s", table->notes);
}

static json_t *list_json(const struct argument_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_string(list->item[i]));
	return array;
}

static json_t *value_json(const struct argument *a, const void *options)
{
	const void *field = (const char *)options + a->offset;
	const char *text;
	uint64_t count;
	double number;

	switch (a->kind) {
	case ARGUMENT_FLAG:
		return json_boolean(*(const bool *)field);
	case ARGUMENT_COUNT:
		count = *(const uint64_t *)field;
		return count == ARGUMENT_NO_COUNT ? json_null()
						  : json_integer((json_int_t)count);
	case ARGUMENT_NUMBER:
		number = *(const double *)field;
		return number < 0 ? json_null() : json_real(number);
	case ARGUMENT_TEXT:
		text = *(const char *const *)field;
		return text ? json_string(text) : json_null();
	case ARGUMENT_LIST:
		return list_json(field);
	}
	return json_null();
}

json_t *arguments_json(const struct argument_table *table, const void *options)
{
	json_t *object = json_object();

	for (const struct argument *a = table->argument; a->name; a++)
		if (strcmp(a->name, "help"))
			json_object_set_new(object, a->name, value_json(a, options));
	return object;
}
