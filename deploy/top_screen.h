/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A terminal that is redrawn whole: its alternate screen, its keys, its signals. */
#ifndef DEPLOY_TOP_SCREEN_H
#define DEPLOY_TOP_SCREEN_H

#include <stdbool.h>

#include "helpers/error.h"

struct screen;

enum screen_event {
	SCREEN_TIME,   /* the time is over */
	SCREEN_REDRAW, /* the window has another size, or the program was continued */
	SCREEN_END,    /* q, or a signal that ends */
};

/* True where standard output is a terminal that understands ECMA-48's sequences. */
bool screen_possible(void);

/*
 * Takes the terminal: alternate screen, no cursor, keys at once and without echo. *out is
 * the caller's: screen_close gives the terminal back as it was. The signals that would
 * end or stop the program without that are blocked, and come as events.
 */
int screen_open(struct screen **out, struct error *err);
void screen_close(struct screen *s);

/* Draws text from the top; what does not fit the window is cut, and said. */
int screen_draw(struct screen *s, const char *text, struct error *err);

/* Waits for the time (CLOCK_MONOTONIC, seconds), a key or a signal. */
enum screen_event screen_wait(struct screen *s, double until);

#endif
