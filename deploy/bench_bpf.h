/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What BPF programs cost meanwhile, by the kernel's own run-time statistics. */
#ifndef DEPLOY_BENCH_BPF_H
#define DEPLOY_BENCH_BPF_H

#include <jansson.h>

#include "helpers/error.h"

/*
 * Switches the statistics on, for as long as the descriptor that it returns is open: the
 * sysctl kernel.bpf_stats_enabled stays as it is, and there is nothing to restore. Linux
 * 5.8. Each run of a program then takes two more looks at the clock.
 */
int bench_bpf_begin(struct error *err);
/* Every program's so far: "ID": {"name", "ns", "runs"}. A new reference. */
json_t *bench_bpf_read(void);
/* [["BPF", name, ns, runs], ...] between two of them, by name. A new reference. */
json_t *bench_bpf_between(json_t *before, json_t *after);

#endif
