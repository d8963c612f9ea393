/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every worker reads: the options, resolved into what the kernel takes. */
#ifndef TESTS_LOAD_PLAN_H
#define TESTS_LOAD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/load/complaint.h"
#include "tests/load/endpoint.h"
#include "tests/load/options.h"
#include "tests/load/response.h"
#include "tests/load/source.h"
#include "tests/load/threads.h"

#define LOAD_REQUEST_MAX 2304

struct load_target {
	struct endpoint endpoint;
	char name[ENDPOINT_TEXT];
	uint64_t sources;       /* of its family; 0 leaves the address to the kernel */
	uint64_t stride, place; /* targets of its family, and which of them it is */
	size_t request_len;
	char request[LOAD_REQUEST_MAX];
};

/* Times are nanoseconds. Read-only once the workers run. */
struct load_plan {
	struct load_target *target;
	size_t targets;
	struct source_set sources;
	struct expectation expectation;
	size_t mapped; /* bytes of expectation.bytes to unmap */
	struct thread_cpus cpus;
	uint64_t connections, threads;
	uint64_t count; /* UINT64_MAX: no limit */
	uint64_t duration, warmup, timeout;
	double rate; /* 0: closed loop */
	bool hold;
	uint64_t hold_time;
	bool who, reset, freebind;
};

/*
 * Resolves @options: targets, sources, the expected body (mapped), CPUs, the limit of
 * open files. -errno fills @why. load_plan_free() in any case.
 */
int load_plan_make(const struct load_options *options, struct load_plan *out,
		   struct complaint *why);

/*
 * Binds the first and last address of each range, so that a source that this machine
 * does not have is named before the load starts. -errno fills @why.
 */
int load_plan_try_sources(const struct load_plan *plan, struct complaint *why);

void load_plan_free(struct load_plan *plan);

#endif
