/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns finding a counter in /proc/net/netstat. */
#include "helpers/netstat.h"

#include <stdlib.h>
#include <string.h>

long long netstat_counter(const char *text, const char *group, const char *name)
{
	const char *names = text, *values, *end;
	size_t n = strlen(name), word;

	while (names && strncmp(names, group, strlen(group)) != 0) {
		names = strchr(names, '\n');
		names = names ? names + 1 : NULL;
	}
	values = names ? strchr(names, '\n') : NULL;
	if (!values)
		return -1;
	for (end = values++; names < end; names += word, values += strcspn(values, " ")) {
		names += strspn(names, " ");
		values += strspn(values, " ");
		word = strcspn(names, " \n");
		if (word == n && !strncmp(names, name, n))
			return atoll(values);
	}
	return -1;
}
