/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing text: rendered configurations and the lines of a dry run. */
#ifndef HELPERS_TEXT_H
#define HELPERS_TEXT_H

#include <stddef.h>

/* Zero-initialise; text is NULL until something is added. */
struct text {
	char *text;
	size_t length;
	size_t size;
};

__attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *fmt, ...);
/* text_add with a newline after it. */
__attribute__((format(printf, 2, 3))) void text_line(struct text *t, const char *fmt,
						     ...);
void text_free(struct text *t);

#define _cleanup_text_ __attribute__((cleanup(text_free)))

#endif
