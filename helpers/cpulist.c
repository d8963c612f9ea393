/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading CPU lists and the CPUs that this process may use. */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/cpulist.h"

static int cpulist_number(const char **p, unsigned int *out)
{
	unsigned int v = 0;

	if (!isdigit((unsigned char)**p))
		return -EINVAL;
	for (; isdigit((unsigned char)**p); (*p)++) {
		v = v * 10 + (unsigned int)(**p - '0');
		if (v >= CPULIST_MAX)
			return -ERANGE;
	}
	*out = v;
	return 0;
}

int cpulist_parse(const char *text, unsigned int *cpu, size_t *n, struct error *err)
{
	bool seen[CPULIST_MAX] = { false };
	const char *p = text;
	unsigned int first, last;

	*n = 0;
	do {
		p += strspn(p, " \t");
		if (cpulist_number(&p, &first) < 0)
			goto bad;
		last = first;
		if (*p == '-' && (p++, cpulist_number(&p, &last) < 0 || last < first))
			goto bad;
		for (unsigned int c = first; c <= last; c++) {
			if (seen[c])
				return error_say(err, EINVAL, "CPU %u is there twice", c);
			seen[c] = true;
			cpu[(*n)++] = c;
		}
		p += strspn(p, " \t");
	} while (*p++ == ',');
	if (!p[-1])
		return 0;
bad:
	return error_say(err, EINVAL, "expected a CPU list as in '0-3,8', got '%.60s'",
			 text);
}

int cpulist_allowed(unsigned int *cpu, size_t *n, struct error *err)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return error_set(err, errno, "ask which CPUs may be used");
	*n = 0;
	for (unsigned int c = 0; c < CPU_SETSIZE && c < CPULIST_MAX; c++) {
		if (CPU_ISSET(c, &set))
			cpu[(*n)++] = c;
	}
	return 0;
}

void cpulist_write(const unsigned int *cpu, size_t n, struct text *out)
{
	size_t last;

	for (size_t i = 0; i < n; i = last + 1) {
		for (last = i; last + 1 < n && cpu[last + 1] == cpu[last] + 1; last++)
			;
		text_add(out, "%s%u", i ? "," : "", cpu[i]);
		if (last > i)
			text_add(out, "-%u", cpu[last]);
	}
}

bool cpulist_has(const unsigned int *list, size_t n, unsigned int cpu)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] == cpu)
			return true;
	}
	return false;
}
