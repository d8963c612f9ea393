/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU lists as the kernel writes them: "0-3,8". */
#ifndef HELPERS_CPULIST_H
#define HELPERS_CPULIST_H

#include <stdbool.h>
#include <stddef.h>

#include "helpers/error.h"
#include "helpers/text.h"

#define CPULIST_MAX 1024

/* The CPUs of a list, in its order, into cpu (room for CPULIST_MAX); *n counts them. */
int cpulist_parse(const char *text, unsigned int *cpu, size_t *n, struct error *err);
/* The CPUs that this process may run on, ascending. */
int cpulist_allowed(unsigned int *cpu, size_t *n, struct error *err);

/* Adds them as a list that cpulist_parse reads back in the same order. */
void cpulist_write(const unsigned int *cpu, size_t n, struct text *out);
/* Whether a CPU is among n. */
bool cpulist_has(const unsigned int *list, size_t n, unsigned int cpu);

#endif
