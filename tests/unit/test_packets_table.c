/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The benchmark's table of rules: each leads where it was told, and nothing else does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/bench/packets_table.h"

#define RULES PACKETS_FLOWS

static struct packets_bucket *table_new(void)
{
	struct packets_bucket *table = calloc(PACKETS_BUCKETS, sizeof(*table));

	assert_non_null(table);
	return table;
}

static uint32_t rules_count(const struct packets_bucket *table)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < PACKETS_BUCKETS; i++) {
		for (int s = 0; s < PACKETS_SLOTS; s++)
			n += table[i].rule[s] != 0;
	}
	return n;
}

static uint8_t way_of(uint32_t i)
{
	return (uint8_t)(1 + i % (PACKETS_WAYS - 1));
}

/* Rules that follow each other in memory order; all of them are found, and no neighbour.
 */
static void test_network(void **state)
{
	struct packets_bucket *table = table_new();

	(void)state;
	for (uint32_t i = 0; i < RULES; i++)
		assert_int_equal(packets_table_add(table, PACKETS_NETWORK + i, way_of(i)),
				 0);
	assert_int_equal(rules_count(table), RULES);
	for (uint32_t i = 0; i < RULES; i++) {
		assert_int_equal(packets_table_find(table, PACKETS_NETWORK + i),
				 way_of(i));
		assert_int_equal(packets_table_find(table, PACKETS_NETWORK - 1 - i), 0);
		assert_int_equal(packets_table_find(table, PACKETS_NETWORK + RULES + i),
				 0);
	}
	free(table);
}

/* Odd factors and shifted bits can be undone: no address comes twice. */
static uint32_t scattered(uint32_t i)
{
	uint32_t x = i * 0x85ebca6bu + 1;

	x ^= x >> 15;
	x *= 0xc2b2ae35u;
	return x ^ x >> 13;
}

/* As of all the Internet: some buckets overflow, and what overflows is found as well. */
static void test_scattered(void **state)
{
	struct packets_bucket *table = table_new();
	uint32_t overflows = 0;

	(void)state;
	for (uint32_t i = 0; i < RULES; i++)
		assert_int_equal(packets_table_add(table, scattered(i), way_of(i)), 0);
	assert_int_equal(rules_count(table), RULES);
	for (uint32_t i = 0; i < RULES; i++) {
		assert_int_equal(packets_table_find(table, scattered(i)), way_of(i));
		assert_int_equal(packets_table_find(table, scattered(RULES + i)), 0);
	}
	for (uint32_t i = 0; i < PACKETS_BUCKETS; i++)
		overflows += table[i].seed & 1;
	assert_in_range(overflows, 1, PACKETS_BUCKETS / 2);
	free(table);
}

/* By the inverse of the hash's factor, addresses can be had for one bucket: the last. */
static uint32_t address_of(uint32_t hash)
{
	uint32_t inverse = 1;

	for (int i = 0; i < 5; i++)
		inverse *= 2 - inverse * 2654435761u;
	return hash * inverse;
}

static void test_full(void **state)
{
	struct packets_bucket *table = table_new();
	uint32_t most = PACKETS_SLOTS * PACKETS_TRIES, n = 0;
	int r;

	(void)state;
	while ((r = packets_table_add(table, address_of(UINT32_MAX - 97 * n), 7)) == 0)
		n++;
	assert_int_equal(r, -ENOSPC);
	assert_in_range(n, PACKETS_TRIES * (PACKETS_SLOTS - 3), most);
	assert_int_equal(rules_count(table), n);
	assert_int_equal(packets_bucket_of(UINT32_MAX), PACKETS_BUCKETS - 1);
	assert_true(table[PACKETS_BUCKETS - 1].seed & 1);
	assert_int_not_equal(table[0].rule[0] | table[0].rule[1] | table[0].rule[2], 0);
	for (uint32_t i = 0; i < n + 5; i++)
		assert_int_equal(
			packets_table_find(table, address_of(UINT32_MAX - 97 * i)),
			i < n ? 7 : 0);
	free(table);
}

static void test_refused(void **state)
{
	struct packets_bucket *table = table_new();

	(void)state;
	assert_int_equal(packets_table_add(table, 0x0a000001, 0), -EINVAL);
	assert_int_equal(packets_table_add(table, 0x0a000001, 1), 0);
	assert_int_equal(packets_table_add(table, 0x0a000001, 2), -EEXIST);
	assert_int_equal(packets_table_find(table, 0x0a000001), 1);
	/* Address 0 hashes to 0, which a free slot looks like but for the way. */
	assert_int_equal(packets_table_find(table, 0), 0);
	assert_int_equal(packets_table_add(table, 0, 3), 0);
	assert_int_equal(packets_table_find(table, 0), 3);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_network),
					    cmocka_unit_test(test_scattered),
					    cmocka_unit_test(test_full),
					    cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests_name("packets_table", tests, NULL, NULL);
}
