/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the faults that tests inject. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/fault.h"

static bool fault_asked(const char *ask, const char *where, const char *step)
{
	size_t n = strlen(where), m = strlen(step);

	for (; ask; ask = strchr(ask, ',') ? strchr(ask, ',') + 1 : NULL) {
		if (!strncmp(ask, where, n) && ask[n] == ':' &&
		    !strncmp(ask + n + 1, step, m) && strchr(",", ask[n + 1 + m]))
			return true;
	}
	return false;
}

int fault_point(const char *where, const char *step, struct error *err)
{
	const char *ask = secure_getenv("HAPEP_FAULT");

	if (!fault_asked(ask, where, step))
		return 0;
	if (!strcmp(where, "fail") || !strcmp(where, "partial"))
		return error_say(err, EIO, "fault injected (HAPEP_FAULT=%s)", ask);
	kill(getpid(), SIGKILL);
	return 0;
}
