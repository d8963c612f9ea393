/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formats a complaint. */
#include "tests/load/complaint.h"

#include <stdarg.h>
#include <stdio.h>

int complaint_set(struct complaint *why, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->msg, sizeof(why->msg), format, args);
	va_end(args);
	/* One line, and nothing that a terminal would obey. */
	for (char *c = why->msg; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	return -code;
}
