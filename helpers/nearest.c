/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the distance between words. */
#include <ctype.h>
#include <string.h>

#include "helpers/nearest.h"

#define WORD_MAX 48 /* longer words are compared by their start */

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment: row[0] is the row before last, row[2] the one at work. */
unsigned int word_distance(const char *a, const char *b)
{
	size_t m = strnlen(a, WORD_MAX), n = strnlen(b, WORD_MAX);
	unsigned int row[3][WORD_MAX + 1] = { { 0 } };

	for (size_t j = 0; j <= n; j++)
		row[2][j] = (unsigned int)j;
	for (size_t i = 1; i <= m; i++) {
		memcpy(row[0], row[1], sizeof(row[0]));
		memcpy(row[1], row[2], sizeof(row[1]));
		row[2][0] = (unsigned int)i;
		for (size_t j = 1; j <= n; j++) {
			int x = tolower((unsigned char)a[i - 1]);
			int y = tolower((unsigned char)b[j - 1]);

			row[2][j] = least(row[1][j] + 1, row[2][j - 1] + 1,
					  row[1][j - 1] + (x != y));
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    y == tolower((unsigned char)a[i - 2]) &&
			    row[0][j - 2] + 1 < row[2][j])
				row[2][j] = row[0][j - 2] + 1;
		}
	}
	return row[2][n];
}

bool word_is_near(const char *typed, const char *known, unsigned int *distance)
{
	size_t length = strlen(known);

	*distance = word_distance(typed, known);
	return *distance <= (length < 6 ? 1 + (length > 3) : length / 3);
}
