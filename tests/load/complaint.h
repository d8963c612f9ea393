/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one sentence that a program of this folder prints before it gives up. */
#ifndef TESTS_LOAD_COMPLAINT_H
#define TESTS_LOAD_COMPLAINT_H

struct complaint {
	char msg[512];
};

/*
 * Fills @why and returns -@code, so that a function can complain and leave in one line.
 * The text says what was being done, to what, why it failed and what to do.
 */
int complaint_set(struct complaint *why, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
