/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor: the process that owns the listening sockets and the instances. */
#ifndef DEPLOY_SUPERVISOR_H
#define DEPLOY_SUPERVISOR_H

#include <jansson.h>

#include "deploy/plan.h"
#include "helpers/step.h"

#define SUPERVISOR_LOG         "log"
#define SUPERVISOR_CONTROL     "control"
#define SUPERVISOR_CHANGE      "change"
#define SUPERVISOR_MESSAGE_MAX 65536 /* bytes of one of a change */
#define SUPERVISOR_STOPPED_MS  3000
#define SUPERVISOR_MUTE_MS     10000 /* as hapep@.service's watchdog has it */
#define SUPERVISOR_END_MS      5000  /* from a signal to its end */

/* The step "proxy" (helpers/step.h). start returns once every instance answers. */
void supervisor_describe(const struct step_context *c, struct text *out);
int supervisor_probe(const struct step_context *c, enum step_state *state,
		     struct text *detail, struct error *err);
int supervisor_record(const struct step_context *c, json_t **out, struct error *err);
int supervisor_start(const struct step_context *c, struct error *err);
/*
 * Has the supervisor, which is let go on if it is stopped, end its instances and itself;
 * kills it after 5 s. Idempotent.
 */
int supervisor_undo(const json_t *record, struct error *err);

/*
 * What the supervisor knows: {"generation", "gate": {"state", "since", "reason"},
 * "instances": [{"instance", "cpu", "pid", "state", "restarts", "stats", ...}]} of the
 * present generation; "next" and "retiring" list other generations where there are any
 * [{"generation", "state", "since", "scenario", "instances"}], and "change" says whether
 * somebody is about to decide on the next: {"client": "waits" | "gone"}. *out is the
 * caller's. -ENOTCONN: no supervisor lives; -ETIMEDOUT: one does, and is silent for 1 s.
 */
int supervisor_query(const char *name, json_t **out, struct error *err);

/* Of the process, for an error: "it is stopped (state T)", by /proc/PID/stat. */
void supervisor_process(pid_t pid, struct text *out);
/*
 * After -ETIMEDOUT: "the supervisor (pid N) is there but does not answer: it is stopped
 * (state T)", and in mend (may be NULL) what to do. Nothing where none lives.
 */
void supervisor_mute(const char *name, struct text *out, struct text *mend);
/*
 * Ends a supervisor that has not answered for SUPERVISOR_MUTE_MS, or has been stopped for
 * SUPERVISOR_STOPPED_MS and not answered; its instances end with it, and the step "proxy"
 * is absent. One that answers in time is left alone. -ETIMEDOUT: killed, it does not end.
 */
int supervisor_replace(const char *name, struct error *err);

/*
 * A change: a next generation of instances beside the present one, which takes its place
 * or does not. One at a time (-EBUSY). The control connection is the change: where its
 * process dies between prepare and commit, both generations serve, whichever of them
 * service traffic is led to, until another change is committed.
 */
struct supervisor_change;

/*
 * The supervisor opens what listening sockets `next` needs and the present generation
 * lacks (same port and slot: the same socket, shared), starts the instances of `next`
 * from its configuration, and this returns when every one answers. Failure leaves the
 * present one as it was. Says how far it is every 2 s. *out is the caller's, and
 * ends by commit, abort or supervisor_change_free.
 */
int supervisor_prepare(const struct step_context *next, struct supervisor_change **out,
		       struct error *err);
/*
 * Leads new connections to the next generation as far as that is the supervisor's to do:
 * SK-LOOKUP's program is attached, replaced or detached, and of listening sockets on the
 * same port only those of the next generation get any. Idempotent.
 */
int supervisor_map(struct supervisor_change *c, struct error *err);
/*
 * The next generation is the present one (mapped, if it was not). The former, once
 * nothing waits in sockets that are its alone and the handshakes begun there are over,
 * accepts no more, finishes its connections and leaves. Frees the change in any case.
 */
int supervisor_commit(struct supervisor_change *c, struct error *err);
/* The next generation leaves in that way, the present one goes on. Frees the change. */
int supervisor_abort(struct supervisor_change *c, struct error *err);
/* Ends the connection and nothing else. NULL: nothing. */
void supervisor_change_free(struct supervisor_change *c);

#endif
