/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the log lines on stderr and which of them are worth writing. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helpers/log.h"

static enum log_level log_threshold = LOG_LEVEL_WARNING;
static bool log_timestamps;

void log_set_level(enum log_level level)
{
	log_threshold = level;
}

void log_set_timestamps(bool on)
{
	log_timestamps = on;
}

static size_t log_prefix(char *line, size_t size, enum log_level level)
{
	static const char *const names[] = { "error: ", "warning: ", "", "debug: " };
	char stamp[40] = "";
	struct timespec now;
	struct tm tm;

	if (log_timestamps) {
		clock_gettime(CLOCK_REALTIME, &now);
		localtime_r(&now.tv_sec, &tm);
		strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
		return (size_t)snprintf(line, size, "%s.%03ld %s", stamp,
					now.tv_nsec / 1000000, names[level]);
	}
	return (size_t)snprintf(line, size, "hapep: %s", names[level]);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[4096];
	size_t used;
	va_list ap;
	int n;

	if (level > log_threshold)
		return;
	used = log_prefix(line, sizeof(line), level);
	va_start(ap, fmt);
	n = vsnprintf(line + used, sizeof(line) - used - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	used = strnlen(line, sizeof(line) - 2);
	line[used] = '\n';
	/* One write a line, so that lines of several processes stay whole. */
	if (write(STDERR_FILENO, line, used + 1) < 0)
		return;
}
