/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A report written once, as Markdown and as self-contained HTML. */
#ifndef DEPLOY_BENCH_DOCUMENT_H
#define DEPLOY_BENCH_DOCUMENT_H

#include <stdbool.h>

#include "helpers/text.h"

#define DOCUMENT_COLUMNS 16

/* Zero-initialise; document_free. */
struct document {
	struct text markdown, html;
	bool heads; /* the next row is a table's head */
};

/* The title comes first. */
void document_title(struct document *d, const char *title);
void document_heading(struct document *d, const char *heading);
__attribute__((format(printf, 2, 3))) void document_paragraph(struct document *d,
							      const char *fmt, ...);
/* Rows of as many cells; the first is the head. Cells end with NULL. */
void document_table(struct document *d);
void document_row(struct document *d, const char *const cells[]);
void document_table_end(struct document *d);
/* Markdown refers to the file, HTML has the SVG itself. */
void document_figure(struct document *d, const char *file, const char *caption,
		     const char *svg);
void document_end(struct document *d);
void document_free(struct document *d);

#endif
