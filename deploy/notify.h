/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What hapep tells the service manager that started it, where one did (sd_notify(3)). */
#ifndef DEPLOY_NOTIFY_H
#define DEPLOY_NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The blade is in service: the supervisor is the service's main process from now on.
 * Waits, 5 s at most, until that is understood: the caller may then end. Nobody there:
 * nothing.
 */
void notify_ready(pid_t supervisor);

/* The supervisor's own word. Zero-initialise; nothing to close. */
struct notify {
	long long next_ms; /* when to say all again; monotonic */
	char said[256];    /* the status as it is known there */
	bool heard, changing;
};

/*
 * To be called in every turn of the loop: says twice in the watchdog's time that it
 * turns, and the status (one line); this, and whether a change of generations is under
 * way, also when they are others than before.
 */
void notify_turn(struct notify *n, const char *status, bool changing);
void notify_stopping(void);

#endif
