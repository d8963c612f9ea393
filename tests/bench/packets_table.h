/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of rules as it is made, before BPF has it. */
#ifndef TESTS_BENCH_PACKETS_TABLE_H
#define TESTS_BENCH_PACKETS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/packets.bpf.h"

/*
 * table: PACKETS_BUCKETS of them, zeroed before the first rule. way: 1 to 255. 0;
 * -EINVAL: no such way; -EEXIST: the address has a rule; -ENOSPC: its buckets are full.
 */
int packets_table_add(struct packets_bucket *table, uint32_t address, uint8_t way);
/* As the BPF programs look it up; 0: no rule. */
uint32_t packets_table_find(const struct packets_bucket *table, uint32_t address);

#endif
