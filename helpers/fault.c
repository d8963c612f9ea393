/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the faults that tests inject. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/fault.h"

int fault_point(const char *where, const char *step, struct error *err)
{
	const char *ask = secure_getenv("HAPEP_FAULT");
	size_t n = strlen(where);

	if (!ask || strncmp(ask, where, n) || ask[n] != ':' || strcmp(ask + n + 1, step))
		return 0;
	if (!strcmp(where, "fail") || !strcmp(where, "partial"))
		return error_say(err, EIO, "fault injected (HAPEP_FAULT=%s)", ask);
	kill(getpid(), SIGKILL);
	return 0;
}
