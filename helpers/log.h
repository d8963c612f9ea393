/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log: what happens and why, on stderr, one line each. */
#ifndef HELPERS_LOG_H
#define HELPERS_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above this level are dropped; LOG_LEVEL_WARNING until set. */
void log_set_level(enum log_level level);

/* Puts the local time before each line (the supervisor's log file wants it). */
void log_set_timestamps(bool on);

__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *fmt,
						    ...);

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
