/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the supervisor's own process does. */
#ifndef DEPLOY_SUPERVISE_H
#define DEPLOY_SUPERVISE_H

#include "deploy/plan.h"

#define SUPERVISOR_PROGRESS "progress: " /* before "N of M" */

/*
 * Runs in a child of `hapep up` and never returns: opens the listening sockets, starts
 * the instances, sends to ready_fd (a SOCK_SEQPACKET socket) how many answer and at last
 * "ok" or an error's sentence, then supervises until
 * SIGUSR1 (end the instances and leave) or SIGTERM, SIGINT (the same, then a clean
 * `down` of the blade). Dies with its parent as long as it is not ready.
 */
__attribute__((noreturn)) void supervise_run(const struct step_context *c, int ready_fd);

#endif
