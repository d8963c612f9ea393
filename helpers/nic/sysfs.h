/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One-line files of sysfs. */
#ifndef HELPERS_NIC_SYSFS_H
#define HELPERS_NIC_SYSFS_H

/*
 * The first line of a file below the directory root (-1: /sys), without its newline; the
 * caller's, free() it. NULL where it cannot be read, errno then says why.
 */
char *sysfs_read(int root, const char *path);

#endif
