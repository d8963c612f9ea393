/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns how an error's sentence is put together. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "helpers/error.h"

static int error_fill(struct error *err, int code, bool reason, const char *fmt,
		      va_list ap)
{
	size_t used;

	if (!err)
		return code ? -code : -EINVAL;
	err->code = code ? code : EINVAL;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	used = strlen(err->msg);
	if (reason && code)
		snprintf(err->msg + used, sizeof(err->msg) - used, ": %s",
			 strerror(code));
	return -err->code;
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = error_fill(err, code, true, fmt, ap);
	va_end(ap);
	return r;
}

int error_say(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = error_fill(err, code, false, fmt, ap);
	va_end(ap);
	return r;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char noun[512], rest[ERROR_SIZE];
	va_list ap;

	if (!err)
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(noun, sizeof(noun), fmt, ap);
	va_end(ap);
	memcpy(rest, err->msg, sizeof(rest));
	rest[sizeof(rest) - 1] = '\0';
	snprintf(err->msg, sizeof(err->msg), "%s: %.*s", noun,
		 (int)(sizeof(err->msg) - sizeof(noun) - 3), rest);
	return err->code ? -err->code : -EINVAL;
}
