/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the supervisor's own process does. */
#ifndef DEPLOY_SUPERVISE_H
#define DEPLOY_SUPERVISE_H

#include "deploy/plan.h"

/*
 * Runs in a child of `hapep up` and never returns: opens the listening sockets, starts
 * the instances, writes "ok" or an error's sentence to ready_fd, then supervises until
 * SIGUSR1 (end the instances and leave) or SIGTERM, SIGINT (the same, then a clean
 * `down` of the blade). Dies with its parent as long as it is not ready.
 */
__attribute__((noreturn)) void supervise_run(const struct step_context *c, int ready_fd);

#endif
