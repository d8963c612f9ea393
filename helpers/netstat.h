/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace's counters as /proc/net/netstat has them. */
#ifndef HELPERS_NETSTAT_H
#define HELPERS_NETSTAT_H

#define NETSTAT_MAX 32768 /* bytes; 6.18 has about 8,000 */

/*
 * A counter out of the file's text: a line of names and one of values, both opened by the
 * group ("TcpExt:"). -1 where the kernel has none of that name.
 */
long long netstat_counter(const char *text, const char *group, const char *name);

#endif
