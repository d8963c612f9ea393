/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One error, with the sentence that the user will read. */
#ifndef HELPERS_ERROR_H
#define HELPERS_ERROR_H

#define ERROR_SIZE 2048

/* Filled by whoever fails, printed by deploy/main.c only. code is a positive errno. */
struct error {
	int code;
	char msg[ERROR_SIZE];
};

/*
 * Sets err to "message: strerror(code)", or to the bare message where code is 0
 * (recorded as EINVAL). Returns the negative code, so that a caller can write
 * `return error_set(err, errno, "open %s", path);`. err may be NULL.
 */
__attribute__((format(printf, 3, 4))) int error_set(struct error *err, int code,
						    const char *fmt, ...);

/* Like error_set, but with the whole sentence given: nothing is appended. */
__attribute__((format(printf, 3, 4))) int error_say(struct error *err, int code,
						    const char *fmt, ...);

/* Puts "noun: " before the message. Returns the negative code that err holds. */
__attribute__((format(printf, 2, 3))) int error_wrap(struct error *err, const char *fmt,
						     ...);

#endif
