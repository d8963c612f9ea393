/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One writer for what a command has to say: text for people, JSON for programs. */
#ifndef HELPERS_WRITER_H
#define HELPERS_WRITER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "helpers/text.h"

/*
 * Writes a tree of objects, arrays and scalars. As JSON: the tree as it is, keys in
 * their order. As text: scalars as "key: value", an object as a heading and its
 * lines indented, an array of objects as an aligned table whose columns are the first
 * object's keys, an array of scalars on one line. Null and empty things are left out
 * of text. Returns 0 or -errno of the stream.
 */
int writer_print(const json_t *tree, bool json, FILE *out);
/* The same text, added to out. */
void writer_text(const json_t *tree, struct text *out);

#endif
