/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the two forms of a report: Markdown and HTML. */
#include "deploy/bench_document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/cleanup.h"

static const char style[] =
	"body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;"
	"color:#222}"
	"table{border-collapse:collapse;margin:1em 0}"
	"th,td{padding:.25em .7em;border-bottom:1px solid #ddd;text-align:left;"
	"font-variant-numeric:tabular-nums}"
	"th{border-bottom:2px solid #888}figure{margin:1.5em 0}"
	"figcaption{color:#555}svg{max-width:100%;height:auto}";

static void escape_html(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			text_add(t, "&lt;");
		else if (*s == '>')
			text_add(t, "&gt;");
		else if (*s == '&')
			text_add(t, "&amp;");
		else if (*s == '"')
			text_add(t, "&quot;");
		else
			text_add(t, "%c", *s);
	}
}

static void escape_markdown(struct text *t, const char *s)
{
	for (; *s; s++)
		text_add(t, *s == '|' ? "\\|" : "%c", *s);
}

void document_title(struct document *d, const char *title)
{
	text_line(&d->markdown, "# %s\n", title);
	text_add(&d->html, "<!doctype html>\n<html lang=\"en\"><head><meta "
			   "charset=\"utf-8\"><title>");
	escape_html(&d->html, title);
	text_add(&d->html, "</title><style>%s</style></head><body>\n<h1>", style);
	escape_html(&d->html, title);
	text_add(&d->html, "</h1>\n");
}

void document_heading(struct document *d, const char *heading)
{
	text_line(&d->markdown, "## %s\n", heading);
	text_add(&d->html, "<h2>");
	escape_html(&d->html, heading);
	text_add(&d->html, "</h2>\n");
}

void document_paragraph(struct document *d, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	text_line(&d->markdown, "%s\n", s);
	text_add(&d->html, "<p>");
	escape_html(&d->html, s);
	text_add(&d->html, "</p>\n");
}

void document_table(struct document *d)
{
	d->heads = true;
	text_add(&d->html, "<table>\n");
}

void document_row(struct document *d, const char *const cells[])
{
	size_t n = 0;

	text_add(&d->html, "<tr>");
	text_add(&d->markdown, "|");
	for (; cells[n]; n++) {
		text_add(&d->markdown, " ");
		escape_markdown(&d->markdown, cells[n]);
		text_add(&d->markdown, " |");
		text_add(&d->html, d->heads ? "<th>" : "<td>");
		escape_html(&d->html, cells[n]);
		text_add(&d->html, d->heads ? "</th>" : "</td>");
	}
	text_add(&d->html, "</tr>\n");
	text_add(&d->markdown, "\n");
	if (d->heads) {
		text_add(&d->markdown, "|");
		for (size_t i = 0; i < n; i++)
			text_add(&d->markdown, " --- |");
		text_add(&d->markdown, "\n");
	}
	d->heads = false;
}

void document_table_end(struct document *d)
{
	text_add(&d->html, "</table>\n");
	text_add(&d->markdown, "\n");
}

void document_figure(struct document *d, const char *file, const char *caption,
		     const char *svg)
{
	const char *root = strstr(svg, "<svg");

	text_line(&d->markdown, "![%s](%s)\n", caption, file);
	text_add(&d->html, "<figure>\n%s<figcaption>", root ? root : "");
	escape_html(&d->html, caption);
	text_add(&d->html, "</figcaption></figure>\n");
}

void document_end(struct document *d)
{
	text_add(&d->html, "</body></html>\n");
}

void document_free(struct document *d)
{
	text_free(&d->markdown);
	text_free(&d->html);
}
