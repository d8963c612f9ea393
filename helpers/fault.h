/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults on purpose: tests make any step fail, or kill the process around it. */
#ifndef HELPERS_FAULT_H
#define HELPERS_FAULT_H

#include "helpers/error.h"

/*
 * HAPEP_FAULT=WHERE:STEP[,WHERE:STEP...] in the environment, STEP a step's name, or
 * change-NAME or back-NAME for its part in a change in service, WHERE one of
 *   record  SIGKILL before the journal is written
 *   before  SIGKILL after the journal is written, before the change
 *   fail    the change fails with EIO, having changed nothing
 *   partial the change is made and then reported as failed
 *   after   SIGKILL after the change
 *   undo    SIGKILL before the step's undo
 * handover is the step of handing prior values over (deploy/handover.h): before and after
 * all of it, record and partial between the other's journal and its own.
 * Each returns 0 where no fault is asked for here.
 */
int fault_point(const char *where, const char *step, struct error *err);

#endif
