/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor: the process that owns the listening sockets and the instances. */
#ifndef DEPLOY_SUPERVISOR_H
#define DEPLOY_SUPERVISOR_H

#include <jansson.h>

#include "deploy/plan.h"
#include "helpers/step.h"

#define SUPERVISOR_LOG     "log"
#define SUPERVISOR_CONTROL "control"

/* The step "proxy" (helpers/step.h). start returns once every instance answers. */
void supervisor_describe(const struct step_context *c, struct text *out);
int supervisor_probe(const struct step_context *c, enum step_state *state,
		     struct text *detail, struct error *err);
int supervisor_record(const struct step_context *c, json_t **out, struct error *err);
int supervisor_start(const struct step_context *c, struct error *err);
/* Has the supervisor end its instances and itself; kills it after 5 s. Idempotent. */
int supervisor_undo(const json_t *record, struct error *err);

/*
 * What the supervisor knows: {"gate": {"state", "since", "reason"}, "instances":
 * [{"instance", "cpu", "pid", "state", "restarts", ...}]}. *out is the caller's.
 * -ENOTCONN: no supervisor lives.
 */
int supervisor_query(const char *name, json_t **out, struct error *err);

#endif
