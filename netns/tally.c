/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns how a probe's findings become a step's state. */
#include <stdarg.h>
#include <stdio.h>

#include "netns/internal.h"

static void tally_phrase(struct netns_tally *t, const char *fmt, va_list ap)
{
	char phrase[256];

	vsnprintf(phrase, sizeof(phrase), fmt, ap);
	if (t->detail)
		text_line(t->detail, "%s", phrase);
}

void netns_tally_missing(struct netns_tally *t, const char *fmt, ...)
{
	va_list ap;

	t->missing++;
	va_start(ap, fmt);
	tally_phrase(t, fmt, ap);
	va_end(ap);
}

void netns_tally_different(struct netns_tally *t, const char *fmt, ...)
{
	va_list ap;

	t->different++;
	va_start(ap, fmt);
	tally_phrase(t, fmt, ap);
	va_end(ap);
}

enum step_state netns_tally_state(const struct netns_tally *t)
{
	if (!t->missing && !t->different)
		return STEP_PRESENT;
	return t->right || t->different ? STEP_DIFFERS : STEP_ABSENT;
}
