/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command-line options by table: parsing, checking, --help and their JSON. */
#ifndef TESTS_LOAD_ARGUMENT_H
#define TESTS_LOAD_ARGUMENT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/load/complaint.h"

/* Values that an option keeps when it is not given and has no default. */
#define ARGUMENT_NO_COUNT  UINT64_MAX
#define ARGUMENT_NO_NUMBER (-1.0)

/* The field at the option's offset: */
enum argument_kind {
	ARGUMENT_FLAG,   /* bool */
	ARGUMENT_COUNT,  /* uint64_t: a whole number in minimum..maximum */
	ARGUMENT_NUMBER, /* double: a decimal number in minimum..maximum */
	ARGUMENT_TEXT,   /* const char *, borrowed from argv; NULL when not given */
	ARGUMENT_LIST,   /* struct argument_list: the option may be repeated */
};

/* How often an option may be repeated. */
#define ARGUMENT_LIST_MAX 64

struct argument_list {
	const char *item[ARGUMENT_LIST_MAX]; /* borrowed from argv */
	size_t count;
};

struct argument {
	const char *name;  /* without the dashes */
	const char *value; /* what --help calls its value; NULL for a flag */
	enum argument_kind kind;
	size_t offset; /* of the field in the program's options */
	double minimum, maximum;
	const char *text; /* one line of --help; '\n' starts another */
};

/* At most 64 options; a table ends with a NULL name. */
struct argument_table {
	const char *usage; /* the first lines of --help */
	const char *notes; /* the last ones */
	const struct argument *argument;
};

/*
 * Fills @options, which holds the defaults, from "--name value" and "--name=value".
 * -EINVAL fills @why: unknown or repeated option, value missing or out of bounds, an
 * argument that is no option.
 */
int arguments_parse(const struct argument_table *table, int argc, char **argv,
		    void *options, struct complaint *why);

void arguments_help(const struct argument_table *table, FILE *out);

/* An object with every option but "help", null where not given. The caller's. */
json_t *arguments_json(const struct argument_table *table, const void *options);

#endif
