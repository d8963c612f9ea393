/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names failures and adds tallies up. */
#include "tests/load/tally.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

const char *failure_name(enum failure kind)
{
	static const char *const names[FAILURE_KINDS] = {
		[FAILURE_NONE] = "none",         [FAILURE_REFUSED] = "refused",
		[FAILURE_RESET] = "reset",       [FAILURE_TIMEOUT] = "timeout",
		[FAILURE_SHORT] = "short",       [FAILURE_CORRUPTED] = "corrupted",
		[FAILURE_MISMATCH] = "mismatch", [FAILURE_HTTP_STATUS] = "http-status",
		[FAILURE_LOCAL] = "local",       [FAILURE_OTHER] = "other",
	};

	return names[kind];
}

enum failure failure_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return FAILURE_REFUSED;
	case ECONNRESET:
	case EPIPE:
		return FAILURE_RESET;
	case ETIMEDOUT:
		return FAILURE_TIMEOUT;
	case EADDRINUSE:
	case EADDRNOTAVAIL:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EPERM:
	case EACCES:
		return FAILURE_LOCAL;
	default:
		return FAILURE_OTHER;
	}
}

uint64_t tally_failures(const struct tally *tally)
{
	uint64_t sum = 0;

	for (int i = 0; i < FAILURE_KINDS; i++)
		sum += tally->failure[i].count;
	return sum;
}

static void failure_merge(struct failure_count *into, const struct failure_count *from)
{
	if (!into->count && from->count)
		memcpy(into->first, from->first, sizeof(into->first));
	into->count += from->count;
}

void tally_merge(struct tally *into, const struct tally *from)
{
	into->ok += from->ok;
	into->bytes += from->bytes;
	into->body_bytes += from->body_bytes;
	into->warmup_ok += from->warmup_ok;
	into->warmup_failed += from->warmup_failed;
	into->drained_ok += from->drained_ok;
	into->unfinished += from->unfinished;
	into->unstarted += from->unstarted;
	into->held += from->held;
	if (from->last_end > into->last_end)
		into->last_end = from->last_end;
	for (int i = 0; i < FAILURE_KINDS; i++)
		failure_merge(&into->failure[i], &from->failure[i]);
	histogram_merge(&into->connect, &from->connect);
	histogram_merge(&into->first_byte, &from->first_byte);
	histogram_merge(&into->total, &from->total);
	histogram_merge(&into->lag, &from->lag);
}
