/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns parsing and writing configurations by table. */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/config.h"
#include "helpers/config_line.h"
#include "helpers/config_value.h"
#include "helpers/memory.h"
#include "helpers/nearest.h"

struct config_parser {
	const struct config_table *table;
	struct config_report *report;
	void *out;
	struct config_mark *marks;
	struct config_lines lines;
	int section;   /* row of the section's first key; -1: none yet; -2: an unknown one
			*/
	bool key_only; /* the line was reported: only mark its key */
	bool no_section; /* keys before any section were reported */
};

void config_fault(struct config_report *r, unsigned int line, const char *fmt, ...)
{
	_cleanup_free_ char *fault = NULL;
	va_list ap;
	int n;

	if (r->n++ >= CONFIG_FAULTS_MAX)
		return;
	va_start(ap, fmt);
	n = vasprintf(&fault, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	if (line)
		text_line(r->out, "%s:%u: %s", r->file, line, fault);
	else
		text_line(r->out, "%s: %s", r->file, fault);
}

int config_report_end(struct config_report *r)
{
	if (r->n > CONFIG_FAULTS_MAX)
		text_line(r->out, "%s: and %u more faults", r->file,
			  r->n - CONFIG_FAULTS_MAX);
	return r->n ? -EINVAL : 0;
}

int config_table_find(const struct config_table *t, const char *section, const char *key)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!strcmp(t->keys[i].section, section) && !strcmp(t->keys[i].key, key))
			return (int)i;
	}
	return -1;
}

/* The row where the section begins, -1 if there is none of that name. */
static int table_section(const struct config_table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!strcmp(t->keys[i].section, name))
			return (int)i;
	}
	return -1;
}

/* The nearest section, or the nearest key of a section; -1: none is near. */
static int table_nearest(const struct config_table *t, const char *section,
			 const char *typed)
{
	unsigned int distance, least = 1000;
	int best = -1;

	for (size_t i = 0; i < t->n; i++) {
		const struct config_key *k = &t->keys[i];

		if (section && strcmp(k->section, section))
			continue;
		if (word_is_near(typed, section ? k->key : k->section, &distance) &&
		    distance < least) {
			least = distance;
			best = (int)i;
		}
	}
	return best;
}

static void mark_section(struct config_parser *p, int row, unsigned int line)
{
	const char *name = p->table->keys[row].section;

	for (size_t i = (size_t)row; i < p->table->n; i++) {
		if (!strcmp(p->table->keys[i].section, name))
			p->marks[i].section = line;
	}
}

static void parser_section(struct config_parser *p, const char *name)
{
	unsigned int line = p->lines.number;
	int row = table_section(p->table, name);
	char clip[CONFIG_CLIP_SIZE];

	if (row >= 0 && p->marks[row].section) {
		config_fault(p->report, line, "[%s]: given before in line %u", name,
			     p->marks[row].section);
	} else if (row < 0) {
		/* Its keys are read as those of the section that was meant. */
		row = table_nearest(p->table, NULL, name);
		if (row >= 0)
			config_fault(p->report, line,
				     "[%s]: no such section; did you mean [%s]?",
				     config_clip(name, clip),
				     p->table->keys[row].section);
		else
			config_fault(p->report, line, "[%s]: no such section",
				     config_clip(name, clip));
	}
	p->section = row >= 0 ? row : -2;
	if (row >= 0 && !p->marks[row].section)
		mark_section(p, row, line);
}

static void unknown_key(struct config_parser *p, const char *section, const char *key)
{
	const struct config_table *t = p->table;
	unsigned int line = p->lines.number;
	int near = table_nearest(t, section, key);
	char clip[CONFIG_CLIP_SIZE];

	config_clip(key, clip);
	if (near >= 0) {
		config_fault(p->report, line, "%s.%s: no such key; did you mean '%s'?",
			     section, clip, t->keys[near].key);
		p->marks[near].wrong = true;
		return;
	}
	for (size_t i = 0; i < t->n; i++) {
		if (!strcmp(t->keys[i].key, key)) {
			config_fault(p->report, line,
				     "%s.%s: no such key; it belongs to [%s]", section,
				     clip, t->keys[i].section);
			return;
		}
	}
	config_fault(p->report, line, "%s.%s: no such key", section, clip);
}

static void fault_value(struct config_parser *p, const struct config_key *k,
			const char *value, const struct error *why)
{
	_cleanup_text_ struct text expected = { 0 };
	char clip[CONFIG_CLIP_SIZE];
	const char *detail = why && why->msg[0] ? why->msg : NULL;

	config_value_expected(k, &expected);
	if (!*value)
		config_fault(p->report, p->lines.number,
			     "%s.%s: expected %s, found nothing", k->section, k->key,
			     expected.text);
	else
		config_fault(p->report, p->lines.number,
			     "%s.%s: expected %s, got '%s'%s%s%s", k->section, k->key,
			     expected.text, config_clip(value, clip), detail ? " (" : "",
			     detail ? detail : "", detail ? ")" : "");
}

static void parser_key(struct config_parser *p, int row, const char *value)
{
	const struct config_key *k = &p->table->keys[row];
	struct config_mark *m = &p->marks[row];
	struct error why = { 0 };

	if (m->line) {
		config_fault(p->report, p->lines.number, "%s.%s: given before in line %u",
			     k->section, k->key, m->line);
		return;
	}
	m->line = p->lines.number;
	m->good = !p->key_only && *value && config_value_set(k, value, p->out, &why) == 0;
	if (m->good)
		return;
	m->wrong = true;
	if (!p->key_only)
		fault_value(p, k, value, &why);
}

/* inih's handler. Its own section is cut at 50 bytes: the parser keeps one itself. */
static int parser_entry(void *user, const char *section, const char *key,
			const char *value)
{
	struct config_parser *p = user;
	const char *known;
	char clip[CONFIG_CLIP_SIZE];
	int row;

	(void)section;
	if (p->section == -1 && !p->no_section && !p->key_only) {
		config_fault(p->report, p->lines.number,
			     "expected a [section] before the first key, got '%s'",
			     config_clip(key, clip));
		p->no_section = true;
	}
	if (p->section < 0)
		return 1;
	known = p->table->keys[p->section].section;
	row = config_table_find(p->table, known, key);
	if (row >= 0)
		parser_key(p, row, value);
	else if (!p->key_only)
		unknown_key(p, known, key);
	return 1;
}

/*
 * inih's reader: one line a call, without blanks before it (inih would join an indented
 * line to the value before), without comments, and nothing but a line end for what has
 * been dealt with here. size is inih's ini_max_line.
 */
static char *parser_read(char *line, int size, void *user)
{
	struct config_parser *p = user;
	enum config_line_kind kind;
	const char *text = p->lines.text;

	if (!config_line_next(&p->lines, p->report, &kind))
		return NULL;
	p->key_only = kind == CONFIG_LINE_FAULTY;
	line[0] = '\0';
	if (kind == CONFIG_LINE_SECTION)
		parser_section(p, text);
	else if (kind == CONFIG_LINE_LOST)
		p->section = -2;
	else if (kind == CONFIG_LINE_ENTRY && strlen(text) >= (size_t)size)
		config_fault(p->report, p->lines.number,
			     "expected at most %d bytes in a line, got %zu", size - 1,
			     strlen(text));
	else if (kind == CONFIG_LINE_ENTRY)
		snprintf(line, (size_t)size, "%s", text);
	else if (kind == CONFIG_LINE_FAULTY && text[0])
		snprintf(line, (size_t)size, "%s=?", text);
	return line;
}

static void parser_missing(struct config_parser *p)
{
	for (size_t i = 0; i < p->table->n; i++) {
		const struct config_key *k = &p->table->keys[i];
		const struct config_mark *m = &p->marks[i];
		_cleanup_text_ struct text expected = { 0 };

		if (k->fallback || m->line || m->wrong)
			continue;
		config_value_expected(k, &expected);
		config_fault(p->report, m->section, "%s.%s: expected %s, found nothing",
			     k->section, k->key, expected.text);
	}
}

void config_table_parse(const struct config_table *t, struct config_report *report,
			const char *bytes, size_t length, void *out,
			struct config_mark *marks)
{
	_cleanup_free_ struct config_mark *own = memory_new(t->n, sizeof(*own));
	struct config_parser p = { .table = t, .report = report, .out = out };
	int line_max = ini_max_line;

	if (marks)
		memset(marks, 0, t->n * sizeof(*marks));
	config_table_defaults(t, out);
	if (length > CONFIG_FILE_MAX) {
		config_fault(report, 0, "expected at most %d bytes, got %zu",
			     CONFIG_FILE_MAX, length);
		return;
	}
	p.section = -1;
	p.marks = own;
	p.lines.next = bytes;
	p.lines.end = bytes + length;
	/* Debian's libinih is told at run time; elsewhere 200 would be built in. */
	ini_max_line = CONFIG_LINE_MAX + 3;
	ini_parse_stream(parser_read, &p, parser_entry, &p);
	ini_max_line = line_max;
	parser_missing(&p);
	if (marks)
		memcpy(marks, own, t->n * sizeof(*marks));
}

void config_table_defaults(const struct config_table *t, void *out)
{
	struct error why = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		const struct config_key *k = &t->keys[i];

		config_value_clear(k, out);
		/* A default that is none is a broken table, not the user's fault. */
		if (k->fallback && config_value_set(k, k->fallback, out, &why) < 0)
			abort();
	}
}

static void write_described(const struct config_key *k, struct text *out)
{
	_cleanup_text_ struct text expected = { 0 };
	const char *s = k->text, *cut;

	for (; *s; s = cut + (*cut == ' ')) {
		cut = strlen(s) > 84 ? memrchr(s, ' ', 84) : NULL;
		cut = cut ? cut : s + strlen(s);
		text_line(out, "; %.*s", (int)(cut - s), s);
	}
	config_value_expected(k, &expected);
	text_line(out, "; %s: %s", k->fallback ? "Takes" : "Required", expected.text);
}

void config_table_write(const struct config_table *t, const void *in, bool describe,
			struct text *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct config_key *k = &t->keys[i];
		_cleanup_text_ struct text value = { 0 };

		if (!i || strcmp(k->section, t->keys[i - 1].section))
			text_line(out, "%s[%s]", i ? "\n" : "", k->section);
		if (describe)
			write_described(k, out);
		config_value_write(k, in, &value);
		if (value.length)
			text_line(out, "%s = %s", k->key, value.text);
		else
			text_line(out, "; %s =", k->key);
	}
}
