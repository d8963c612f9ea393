/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor's end of a change: the connection that carries one, and is one. */
#ifndef DEPLOY_SUCCESSION_H
#define DEPLOY_SUCCESSION_H

#include "deploy/generations.h"

/*
 * Messages on the socket SUPERVISOR_CHANGE of the state directory (SOCK_SEQPACKET), JSON:
 * {"do": "prepare", "config": TEXT}, and then {"do": "map" | "commit" | "abort"}. The
 * answers: {"running": K, "of": N} while instances start, once a second at least, then
 * {"done": true}, or {"error": SENTENCE, "code": ERRNO}. One change at a time.
 */
struct succession;
int succession_open(const char *name, int dirfd, struct generations *all,
		    struct succession **out, struct error *err);
/* What it has begun stays so. NULL: nothing. */
void succession_close(struct succession *s);

/* Descriptors to poll for input; -1: there is none now. */
struct succession_fds {
	int listening, open;
};
struct succession_fds succession_fds(const struct succession *s);
/* Takes who connects, hears the one that is connected, answers what is due. */
void succession_tick(struct succession *s);

/* {"client": "waits" | "gone"} where a next generation is not decided on; NULL: none. */
json_t *succession_describe(const struct succession *s);

#endif
