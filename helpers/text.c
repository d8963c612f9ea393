/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns growing texts. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/text.h"

static void text_reserve(struct text *t, size_t more)
{
	size_t want = t->length + more + 1;
	char *bigger;

	if (want <= t->size)
		return;
	want = want * 2 < 256 ? 256 : want * 2;
	bigger = realloc(t->text, want);
	if (!bigger)
		abort();
	t->text = bigger;
	t->size = want;
}

static void text_append(struct text *t, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		abort();
	text_reserve(t, (size_t)n + 1);
	vsnprintf(t->text + t->length, (size_t)n + 1, fmt, ap);
	t->length += (size_t)n;
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_append(t, fmt, ap);
	va_end(ap);
}

void text_line(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_append(t, fmt, ap);
	va_end(ap);
	text_reserve(t, 1);
	t->text[t->length++] = '\n';
	t->text[t->length] = '\0';
}

void text_free(struct text *t)
{
	free(t->text);
	*t = (struct text){ 0 };
}
