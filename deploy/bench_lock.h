/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one benchmark at a time may have, and what one that was killed left behind. */
#ifndef DEPLOY_BENCH_LOCK_H
#define DEPLOY_BENCH_LOCK_H

#include <sys/types.h>

#include "deploy/bench.h"

/*
 * Takes the lock of a file, which is made and says our pid, and then `words`. The kernel
 * gives it up with the descriptor, however this process ends; children do not inherit it.
 * Returns the descriptor; -EBUSY where somebody has it: *holder is its pid, 0 where that
 * could not be read.
 */
int bench_lock(const char *path, const char *words, pid_t *holder, struct error *err);
/* Removes the file, and gives its lock up; fd -1: does nothing. */
void bench_unlock(const char *path, int fd);

/* The run's directory for this process alone; -EBUSY names the other one. */
int bench_directory_lock(struct bench *b, struct error *err);
/*
 * The lab's name for this process alone, or with an outside generator the blade's of this
 * machine. A lab's name that somebody has is changed into one that nobody has. Labs and
 * blades whose benchmark was killed are removed first, and that is said.
 */
int bench_name_lock(struct bench *b, struct error *err);
/* Both go. */
void bench_locks_end(struct bench *b);

#endif
