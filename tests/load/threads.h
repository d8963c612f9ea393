/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of CPUs, and the file-descriptor limit: where and with what threads run. */
#ifndef TESTS_LOAD_THREADS_H
#define TESTS_LOAD_THREADS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/load/complaint.h"

#define THREAD_CPUS_MAX 1024

struct thread_cpus {
	int cpu[THREAD_CPUS_MAX];
	size_t count;
};

/*
 * Reads "0,2-3". Each CPU must be one that the process may run on, and appear once.
 * -EINVAL fills @why.
 */
int thread_cpus_parse(const char *text, struct thread_cpus *out, struct complaint *why);

/*
 * Starts a thread on the CPU that the list has for @index (round the list again when it
 * is short; anywhere when it is empty). -errno fills @why.
 */
int thread_cpus_start(const struct thread_cpus *list, size_t index, pthread_t *thread,
		      void *(*run)(void *), void *argument, struct complaint *why);

/*
 * Raises the soft limit of open files to the hard one. -EMFILE fills @why when that is
 * under @needed.
 */
int open_files_allow(uint64_t needed, struct complaint *why);

#endif
