/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns how results look, as text and as JSON. */
#include <errno.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/text.h"
#include "helpers/writer.h"

static void writer_object(const json_t *object, int indent, struct text *out);

static char *writer_scalar(const json_t *v)
{
	if (json_is_string(v))
		return memory_strdup(json_string_value(v));
	if (json_is_integer(v))
		return memory_printf("%lld", (long long)json_integer_value(v));
	if (json_is_real(v))
		return memory_printf("%.3f", json_real_value(v));
	if (json_is_boolean(v))
		return memory_strdup(json_is_true(v) ? "yes" : "no");
	if (json_is_array(v) && !json_array_size(v))
		return memory_strdup("-");
	return memory_strdup("-");
}

/* A cell may be an array of scalars: joined by "; ". */
static char *writer_cell(const json_t *v)
{
	struct text t = { 0 };
	size_t i;
	json_t *item;

	if (!json_is_array(v) || !json_array_size(v))
		return writer_scalar(v);
	json_array_foreach(v, i, item)
	{
		_cleanup_free_ char *one = writer_scalar(item);

		text_add(&t, "%s%s", i ? "; " : "", one);
	}
	return t.text;
}

static void writer_row(const json_t *columns, const json_t *row, const size_t *width,
		       int indent, struct text *out)
{
	size_t i;
	json_t *name;
	size_t n = json_array_size(columns);

	text_add(out, "%*s", indent, "");
	json_array_foreach(columns, i, name)
	{
		const char *key = json_string_value(name);
		_cleanup_free_ char *cell =
			row ? writer_cell(json_object_get(row, key)) : memory_strdup(key);

		if (!row) {
			for (char *p = cell; *p; p++)
				*p = *p == '_' ? ' ' : *p;
		}
		if (i + 1 == n)
			text_add(out, "%s", cell);
		else
			text_add(out, "%-*s  ", (int)width[i], cell);
	}
	text_line(out, "%s", "");
}

static void writer_table(const json_t *rows, int indent, struct text *out)
{
	json_t *columns = json_array();
	size_t width[32] = { 0 };
	const char *key;
	json_t *v, *row;
	size_t i, c = 0;

	json_object_foreach(json_array_get(rows, 0), key, v)
	{
		if (json_array_size(columns) < 32)
			json_array_append_new(columns, json_string(key));
	}
	json_array_foreach(columns, c, v)
	{
		width[c] = strlen(json_string_value(v));
		json_array_foreach(rows, i, row)
		{
			_cleanup_free_ char *cell =
				writer_cell(json_object_get(row, json_string_value(v)));
			size_t n = strlen(cell);

			width[c] = n > width[c] ? n : width[c];
		}
	}
	writer_row(columns, NULL, width, indent, out);
	json_array_foreach(rows, i, row)
	{
		writer_row(columns, row, width, indent, out);
	}
	json_decref(columns);
}

static void writer_member(const char *key, const json_t *v, int indent, struct text *out)
{
	_cleanup_free_ char *title = memory_strdup(key);
	_cleanup_free_ char *cell = NULL;

	for (char *p = title; *p; p++)
		*p = *p == '_' ? ' ' : *p;
	if (json_is_null(v) || (json_is_array(v) && !json_array_size(v)))
		return;
	if (json_is_object(v)) {
		text_line(out, "%*s%s:", indent, "", title);
		writer_object(v, indent + 2, out);
	} else if (json_is_array(v) && json_is_object(json_array_get(v, 0))) {
		text_line(out, "%*s%s:", indent, "", title);
		writer_table(v, indent + 2, out);
	} else {
		cell = writer_cell(v);
		text_line(out, "%*s%s: %s", indent, "", title, cell);
	}
}

static void writer_object(const json_t *object, int indent, struct text *out)
{
	const char *key;
	json_t *v;

	/* jansson iterates a const object, but its macro wants it without the const */
	json_object_foreach((json_t *)(unsigned long)object, key, v)
	{
		writer_member(key, v, indent, out);
	}
}

void writer_text(const json_t *tree, struct text *out)
{
	writer_object(tree, 0, out);
}

int writer_print(const json_t *tree, bool json, FILE *out)
{
	_cleanup_text_ struct text t = { 0 };

	if (json) {
		if (json_dumpf(tree, out, JSON_INDENT(2)) < 0)
			return -EIO;
		fputc('\n', out);
	} else {
		writer_object(tree, 0, &t);
		fputs(t.text ? t.text : "", out);
	}
	return fflush(out) ? -errno : 0;
}
