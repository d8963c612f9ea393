/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns understanding /proc/net/softnet_stat. */
#include "helpers/softnet.h"

#include <stdlib.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/file.h"
#include "helpers/memory.h"

#define SOFTNET_MAX (1 << 18) /* 1024 CPUs' lines of 135 bytes take half of it */

/* All numbers are hexadecimal. */
enum {
	FIELD_PROCESSED,
	FIELD_DROPPED,
	FIELD_SQUEEZED,
	FIELD_CPU = 12, /* since 5.10; before, the line's place has to do */
	FIELDS = 16,
};

static struct softnet softnet_line(const char *line, unsigned int at)
{
	unsigned long field[FIELDS] = { 0 };
	int n = 0;
	char *end;

	for (; n < FIELDS; n++, line = end) {
		field[n] = strtoul(line, &end, 16);
		if (end == line)
			break;
	}
	return (struct softnet){
		.cpu = n > FIELD_CPU ? (unsigned int)field[FIELD_CPU] : at,
		.processed = field[FIELD_PROCESSED],
		.dropped = field[FIELD_DROPPED],
		.squeezed = field[FIELD_SQUEEZED],
	};
}

int softnet_read(int root, struct softnet **out, size_t *n)
{
	_cleanup_free_ char *text = memory_new(1, SOFTNET_MAX);
	_cleanup_free_ struct softnet *all = NULL;
	char *save = NULL;
	size_t lines = 1;
	int r = file_read(root, "proc/net/softnet_stat", text, SOFTNET_MAX);

	if (r < 0)
		return r;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	all = memory_new(lines, sizeof(*all));
	*n = 0;
	for (const char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		all[*n] = softnet_line(line, (unsigned int)*n);
		++*n;
	}
	*out = take_ptr(all);
	return 0;
}
