/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allocation that aborts when memory runs out, so that callers need not ask. */
#ifndef HELPERS_MEMORY_H
#define HELPERS_MEMORY_H

#include <stddef.h>

/* Zeroed memory for n things of size bytes; the caller's, free() it. */
void *memory_new(size_t n, size_t size);
/* p grown or shrunk to n things of size bytes, what is new not zeroed. */
void *memory_more(void *p, size_t n, size_t size);
char *memory_strdup(const char *s);
/* A formatted string; the caller's, free() it. */
__attribute__((format(printf, 1, 2))) char *memory_printf(const char *fmt, ...);

#endif
