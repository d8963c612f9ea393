/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the pattern that objects are cut from. */
#include "tests/load/object.h"

#include <errno.h>

/* The largest object: a tebibyte. */
#define SIZE_MAX_BITS 40

void object_fill(unsigned char *pattern)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

	/* xorshift64: no two stretches of eight bytes are alike. */
	for (size_t i = 0; i < OBJECT_PERIOD; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		pattern[i] = (unsigned char)(state >> 32);
	}
}

int object_size_parse(const char *text, size_t len, uint64_t *out)
{
	static const char units[] = "kmg";
	uint64_t size = 0;
	size_t i = 0;

	for (; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
		size = size * 10 + (uint64_t)(text[i] - '0');
		if (size >> SIZE_MAX_BITS)
			return -EINVAL;
	}
	if (!i)
		return -EINVAL;
	for (unsigned int unit = 0; i + 1 == len && units[unit]; unit++)
		if (text[i] == units[unit]) {
			size <<= 10 * (unit + 1);
			i++;
		}
	if (i != len || size >> SIZE_MAX_BITS)
		return -EINVAL;
	*out = size;
	return 0;
}
