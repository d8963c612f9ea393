/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small files of /proc and /sys, below a root directory that tests can put in place. */
#ifndef HELPERS_FILE_H
#define HELPERS_FILE_H

#include <stddef.h>

/*
 * Reads a file of the directory `root` (a descriptor; path without a leading slash) whole
 * into buf, closed by a NUL, and without the newline at its end; what exceeds size - 1
 * bytes is left out. Returns how many bytes it has, or -errno.
 */
int file_read(int root, const char *path, char *buf, size_t size);

/* The number that a file begins with. -ENOENT and others; -EINVAL: it has none. */
int file_number(int root, const char *path, long long *out);

/*
 * Calls each for every name of a directory, "." and ".." left out, as long as it returns
 * 0. Returns what each returned last, or -errno where the directory cannot be listed.
 */
int file_list(int root, const char *path, int (*each)(const char *name, void *arg),
	      void *arg);

#endif
