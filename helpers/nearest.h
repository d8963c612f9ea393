/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which known word somebody may have meant. */
#ifndef HELPERS_NEAREST_H
#define HELPERS_NEAREST_H

#include <stdbool.h>

/* Changes (a letter more, less, other, or two swapped) between words; case is nothing. */
unsigned int word_distance(const char *a, const char *b);
/* True where the distance lets typed be a slip of known: a third of its letters. */
bool word_is_near(const char *typed, const char *known, unsigned int *distance);

#endif
