/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the Toeplitz hash. */
#include "helpers/nic/toeplitz.h"

uint32_t toeplitz_hash(const unsigned char *key, size_t key_n, const unsigned char *data,
		       size_t n)
{
	uint32_t window = 0, hash = 0;

	for (size_t i = 0; i < 4; i++)
		window = window << 8 | (i < key_n ? key[i] : 0U);
	for (size_t i = 0; i < n; i++) {
		unsigned int next = i + 4 < key_n ? key[i + 4] : 0;

		for (int bit = 7; bit >= 0; bit--) {
			if (data[i] >> bit & 1)
				hash ^= window;
			window = window << 1 | (next >> bit & 1);
		}
	}
	return hash;
}

void toeplitz_symmetric_key(unsigned char *key, size_t key_n)
{
	for (size_t i = 0; i < key_n; i++)
		key[i] = i % 2 ? 0x5a : 0x6d;
}
