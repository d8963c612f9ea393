/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns how the table of rules is filled: which bucket, which seed. */
#include "tests/bench/packets_table.h"

#include <errno.h>
#include <string.h>

/* Of 14 rules in 15 slots one seed in 22,000 keeps them apart, of 15 one in 330,000: a
 * bucket that has 14 is full. */
#define FULL  (PACKETS_SLOTS - 1)
#define SEEDS 300000

/* From *seed on; bit 0 is not its own. */
static bool seed_find(uint32_t *seed, const uint32_t *rule, int n)
{
	for (int try = 0; try < SEEDS; try++) {
		unsigned int taken = 0;
		int i = 0;

		for (; i < n; i++) {
			unsigned int bit = 1u << packets_slot_of(rule[i], *seed);

			if (taken & bit)
				break;
			taken |= bit;
		}
		if (i == n)
			return true;
		*seed = (*seed * 1664525 + 1013904223) & ~1u;
	}
	return false;
}

static bool bucket_add(struct packets_bucket *b, uint32_t rule)
{
	struct packets_bucket next = { .seed = b->seed & ~1u };
	uint32_t rules[PACKETS_SLOTS];
	int n = 0;

	for (int i = 0; i < PACKETS_SLOTS; i++) {
		if (b->rule[i])
			rules[n++] = b->rule[i];
	}
	if (n == FULL)
		return false;
	rules[n++] = rule;
	if (!seed_find(&next.seed, rules, n))
		return false;
	for (int i = 0; i < n; i++)
		next.rule[packets_slot_of(rules[i], next.seed)] = rules[i];
	next.seed |= b->seed & 1;
	*b = next;
	return true;
}

int packets_table_add(struct packets_bucket *table, uint32_t address, uint8_t way)
{
	uint32_t hash = packets_hash(address), at = packets_bucket_of(hash);

	if (!way || packets_table_find(table, address))
		return way ? -EEXIST : -EINVAL;
	for (int try = 0; try < PACKETS_TRIES; try++) {
		if (bucket_add(&table[at], (uint32_t)way << 24 | (hash & 0xffffff)))
			return 0;
		table[at].seed |= 1;
		at = packets_bucket_next(at);
	}
	return -ENOSPC;
}

uint32_t packets_table_find(const struct packets_bucket *table, uint32_t address)
{
	uint32_t hash = packets_hash(address), at = packets_bucket_of(hash);

	for (int try = 0; try < PACKETS_TRIES; try++, at = packets_bucket_next(at)) {
		uint32_t way = packets_way(&table[at], hash);

		if (way || !(table[at].seed & 1))
			return way;
	}
	return 0;
}
