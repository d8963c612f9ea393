/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor's gate: new connections to the proxy, or straight through. */
#ifndef DEPLOY_GATE_H
#define DEPLOY_GATE_H

#include <jansson.h>

#include "deploy/generations.h"
#include "deploy/plan.h"

/* In the state directory while the operator wants the blade drained. */
#define GATE_DRAINED_FILE "drained"

/* Twice a beat must be missed before the gate shuts by itself, and it does within 1 s. */
#define GATE_BEAT_MS 200
#define GATE_HOLD_MS 800

/* Finds the gate of the plan; nsfd and dirfd are borrowed. *out: gate_close. */
struct gate;
int gate_open(const struct step_context *c, int nsfd, int dirfd, struct gate **out,
	      struct error *err);
/* Shuts it for good, where the blade may fail open, and frees it. NULL: nothing. */
void gate_close(struct gate *g);

/*
 * Opens or shuts it by what the instances do and the operator wants, and moves the
 * deadline on. To be called every GATE_BEAT_MS and after every change of an instance.
 */
void gate_tick(struct gate *g, const struct generations *all);

/* What becomes of new connections, and why: one line. */
void gate_summary(const struct gate *g, char *text, size_t size);
/* {"state", "since", "reason"} */
json_t *gate_describe(const struct gate *g);

/* The time as ISO 8601 in UTC with milliseconds. */
const char *gate_format_time(long long unix_ms, char text[32]);
long long gate_wall_ms(void);

#endif
