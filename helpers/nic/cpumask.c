/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns writing and reading the kernel's CPU masks. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/nic/cpumask.h"

#define WORD_BITS 32

static uint32_t mask_word(const cpu_set_t *set, int word)
{
	uint32_t bits = 0;

	for (int i = 0; i < WORD_BITS; i++)
		bits |= (uint32_t) !!CPU_ISSET((size_t)(word * WORD_BITS + i), set) << i;
	return bits;
}

const char *cpumask_format(const cpu_set_t *set, char *buf)
{
	int word = CPU_SETSIZE / WORD_BITS - 1;
	int n;

	while (word > 0 && !mask_word(set, word))
		word--;
	n = snprintf(buf, CPUMASK_TEXT_SIZE, "%x", mask_word(set, word));
	while (word-- > 0)
		n += snprintf(buf + n, CPUMASK_TEXT_SIZE - (size_t)n, ",%08x",
			      mask_word(set, word));
	return buf;
}

/* From the last digit on: the words' commas are for the eye alone. */
int cpumask_parse(const char *text, cpu_set_t *set)
{
	size_t length = strlen(text), cpu = 0;

	CPU_ZERO(set);
	if (!length)
		return -EINVAL;
	while (length-- > 0) {
		char c = text[length];
		int digit;

		if (c == ',')
			continue;
		if (!isxdigit((unsigned char)c))
			return -EINVAL;
		digit = isdigit((unsigned char)c) ? c - '0'
						  : tolower((unsigned char)c) - 'a' + 10;
		for (int bit = 0; bit < 4; bit++, cpu++) {
			if (!(digit & (1 << bit)))
				continue;
			if (cpu >= CPU_SETSIZE)
				return -EINVAL;
			CPU_SET(cpu, set);
		}
	}
	return 0;
}

const char *cpumask_list(const cpu_set_t *set, char *buf, size_t size)
{
	size_t n = 0, last;

	buf[0] = '\0';
	for (size_t cpu = 0; cpu < CPU_SETSIZE && n < size; cpu = last + 1) {
		last = cpu;
		if (!CPU_ISSET(cpu, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		n += (size_t)snprintf(buf + n, size - n, "%s%zu", n ? "," : "", cpu);
		if (last > cpu && n < size)
			n += (size_t)snprintf(buf + n, size - n, "-%zu", last);
	}
	return buf;
}
