/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One-line files of /proc and /sys that are settings: written, and put back. */
#ifndef HELPERS_SETTING_H
#define HELPERS_SETTING_H

#include "helpers/error.h"

#define SETTING_SIZE 512 /* bytes that the longest has: a mask of 1024 CPUs takes 288 */

/* The directory below which they are: "/" (O_CLOEXEC), the caller's. */
int setting_root(struct error *err);

/* Writes value at once, as the kernel wants it. err names the file and the value. */
int setting_write(int root, const char *path, const char *value, struct error *err);

/*
 * Writes value unless the file has it already. 0 also where there is no such file: what
 * is gone needs no putting back.
 */
int setting_restore(int root, const char *path, const char *value, struct error *err);

#endif
