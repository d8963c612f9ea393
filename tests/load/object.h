/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes that the origin serves: the same for every object, never the same twice. */
#ifndef TESTS_LOAD_OBJECT_H
#define TESTS_LOAD_OBJECT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The pattern's period, a prime: a block of any usual size that is lost, doubled or out
 * of order shows as a difference.
 */
#define OBJECT_PERIOD 1048573

/* Fills @pattern, OBJECT_PERIOD bytes; byte i of an object is byte i % OBJECT_PERIOD. */
void object_fill(unsigned char *pattern);

/* "8k", "100m", "1g" or plain bytes, the units binary. 0 or -EINVAL. */
int object_size_parse(const char *text, size_t len, uint64_t *out);

#endif
