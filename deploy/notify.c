/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns speaking to the service manager, by libsystemd. */
#include "deploy/notify.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#define BARRIER_US 5000000
#define FIRST_MS   1000
#define BEAT_MS    5000 /* where there is no watchdog */

static long long notify_clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

void notify_ready(pid_t supervisor)
{
	if (!getenv("NOTIFY_SOCKET") || !supervisor)
		return;
	sd_notifyf(0, "READY=1\nMAINPID=%d", (int)supervisor);
	/* A sender that has gone by the time it is heard may not be known any more. */
	sd_notify_barrier(0, BARRIER_US);
}

/*
 * sd_watchdog_enabled() is no help: WATCHDOG_PID is that of `hapep up`, which has gone
 * by now. 0: nobody watches.
 */
static long long notify_watchdog_us(void)
{
	const char *text = getenv("WATCHDOG_USEC");

	return text && getenv("NOTIFY_SOCKET") ? strtoll(text, NULL, 10) : 0;
}

static void notify_change(struct notify *n, bool changing)
{
	if (n->changing == changing)
		return;
	n->changing = changing;
	if (changing)
		sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", notify_clock_us());
	else
		sd_notify(0, "READY=1");
}

static void notify_status(struct notify *n, const char *status)
{
	if (!strcmp(n->said, status))
		return;
	snprintf(n->said, sizeof(n->said), "%s", status);
	sd_notifyf(0, "STATUS=%s", n->said);
}

void notify_turn(struct notify *n, const char *status, bool changing)
{
	long long period = notify_watchdog_us() / 2000, now = notify_clock_us() / 1000;

	if (!getenv("NOTIFY_SOCKET"))
		return;
	/* Until `hapep up` has named it, nobody listens to this process. */
	if (!n->next_ms)
		n->next_ms = now + FIRST_MS;
	if (now >= n->next_ms) {
		sd_notify(0, "WATCHDOG=1");
		n->next_ms = now + (period ? period : BEAT_MS);
		n->said[0] = '\0';
		n->heard = true;
	}
	if (!n->heard)
		return;
	notify_status(n, status);
	notify_change(n, changing);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}
