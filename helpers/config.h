/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration by table: one row a key drives parsing, defaults, checks and manual. */
#ifndef HELPERS_CONFIG_H
#define HELPERS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "helpers/error.h"
#include "helpers/text.h"

enum config_type {
	CONFIG_STRING,    /* char[maximum + 1]; minimum is its enum config_charset */
	CONFIG_INTERFACE, /* char[IFNAMSIZ]: a valid interface name */
	CONFIG_UNSIGNED,  /* unsigned int, minimum..maximum */
	CONFIG_DURATION,  /* unsigned int milliseconds; "500ms", "5s", "2m", "1h" */
	CONFIG_CHOICE,    /* int, index into names */
	CONFIG_PREFIX,    /* struct prefix with /length; minimum is its AF_ */
	CONFIG_ADDRESS,   /* struct prefix without length; minimum is its AF_ */
	CONFIG_PORTS,     /* struct ports */
	CONFIG_CPULIST,   /* char[maximum + 1], a valid CPU list without blanks */
};

/* What a string may hold: nothing that a shell or haproxy.cfg would read as its own. */
enum config_charset {
	CONFIG_WORD, /* a-z 0-9 _ */
	CONFIG_USER, /* a-z 0-9 _ -, not starting with a digit or - */
	CONFIG_PATH, /* absolute; A-Z a-z 0-9 . _ - + @ / and no ".." */
};

struct config_key {
	const char *section, *key;
	enum config_type type;
	unsigned long minimum, maximum;
	const char *fallback; /* the default as text; NULL: required */
	/*
	 * Of CONFIG_CHOICE the words, NULL-terminated. Of any other type NULL, or one
	 * word that stands for the zero value: 0, "", no address.
	 */
	const char *const *names;
	const char *text; /* what it is, for the manual: one sentence */
	size_t offset;    /* in the caller's struct */
};

/* The rows of one section stand together. */
struct config_table {
	const struct config_key *keys;
	size_t n;
};

#define CONFIG_FILE_MAX   (1 << 20) /* bytes; a larger file is no configuration */
#define CONFIG_LINE_MAX   2000      /* bytes */
#define CONFIG_FAULTS_MAX 50        /* reported; the others are counted */

/* Where faults go. Zero-initialise n. */
struct config_report {
	const char *file; /* borrowed; what messages call it */
	struct text *out; /* borrowed; one line a fault */
	unsigned int n;
};

/* Adds "FILE:LINE: ..." (line 0: "FILE: ...") as long as fewer than the maximum are in.
 */
__attribute__((format(printf, 3, 4))) void
config_fault(struct config_report *r, unsigned int line, const char *fmt, ...);
/* Says how many faults were left out. Returns 0 where there were none, else -EINVAL. */
int config_report_end(struct config_report *r);

/* How a key was found. */
struct config_mark {
	unsigned int line;    /* 0: not given */
	unsigned int section; /* line of its section; 0: not there */
	bool good;            /* given, and its value is valid */
	bool wrong;           /* given or meant, and already reported */
};

/*
 * Parses INI text (split by inih) into out, which the table's defaults fill first.
 * Every fault is reported as "section.key: expected ..., got '...'": unknown sections
 * and keys name the nearest known one, duplicates name the first line; trailing junk,
 * values that go on in the next line, over-long lines, NUL and other control bytes, CR
 * LF, byte order marks and non-UTF-8 are faults. A comment starts with ; or # at the
 * start of a line or after a blank. marks (one a row) may be NULL. Required keys that
 * are missing or faulty stay zero.
 */
void config_table_parse(const struct config_table *t, struct config_report *report,
			const char *bytes, size_t length, void *out,
			struct config_mark *marks);
/* Fills out with the table's defaults (required keys become zero). */
void config_table_defaults(const struct config_table *t, void *out);
/*
 * Writes every key of in as INI, one line each in the table's order. describe: the
 * table's texts as comments; a required key that is not set becomes a comment as well.
 */
void config_table_write(const struct config_table *t, const void *in, bool describe,
			struct text *out);
/* The row of a key, or -1. */
int config_table_find(const struct config_table *t, const char *section, const char *key);

#endif
