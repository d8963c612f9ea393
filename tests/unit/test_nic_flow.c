/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the Toeplitz hash by Microsoft's vectors, its symmetry, and a flow's queue. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "helpers/nic/flow.h"
#include "helpers/nic/toeplitz.h"

/*
 * "Verifying the RSS hash calculation", learn.microsoft.com/windows-hardware/drivers/
 * network/verifying-the-rss-hash-calculation: the key, and five IPv4 and three IPv6
 * packets, each hashed by its addresses alone and with its ports.
 */
static const unsigned char microsoft_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct vector {
	const char *destination, *source;
	uint32_t addresses, with_ports;
} vectors[] = {
	{ "161.142.100.80:1766", "66.9.149.187:2794", 0x323e8fc2, 0x51ccc178 },
	{ "65.69.140.83:4739", "199.92.111.2:14230", 0xd718262a, 0xc626b0ea },
	{ "12.22.207.184:38024", "24.19.198.95:12898", 0xd2d0a5de, 0x5c2b394a },
	{ "209.142.163.6:2217", "38.27.205.30:48228", 0x82989176, 0xafc7327f },
	{ "202.188.127.2:1303", "153.39.163.191:44251", 0x5d1809c5, 0x10e828a2 },
	{ "[3ffe:2501:200:3::1]:1766", "[3ffe:2501:200:1fff::7]:2794", 0x2cc18cd5,
	  0x40207d3d },
	{ "[ff02::1]:4739", "[3ffe:501:8:0:260:97ff:fe40:efab]:14230", 0x0f0c461c,
	  0xdde51bbf },
	{ "[fe80::200:f8ff:fe21:67cf]:38024",
	  "[3ffe:1900:4545:3:200:f8ff:fe21:67cf]:44251", 0x4b61e985, 0x02d1feef },
};
#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static struct flow flow_of(const struct vector *v)
{
	struct error err = { 0 };
	struct flow f;

	assert_int_equal(flow_end_parse(v->source, &f.source, &err), 0);
	assert_int_equal(flow_end_parse(v->destination, &f.destination, &err), 0);
	return f;
}

static struct rss rss_with(const unsigned char *key, unsigned int n)
{
	struct rss rss = { .queues = 4, .toeplitz = true, .key_n = n, .table_n = 128 };

	memcpy(rss.key, key, n);
	for (unsigned int i = 0; i < rss.table_n; i++)
		rss.table[i] = i % 4;
	return rss;
}

static void test_vectors(void **state)
{
	struct rss rss = rss_with(microsoft_key, sizeof(microsoft_key));
	const struct rss_fields addresses = { true, true, true, false, false };
	uint32_t hash;

	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		struct flow f = flow_of(&vectors[i]);

		rss.fields[RSS_IPV4].known = rss.fields[RSS_IPV6].known = false;
		assert_true(flow_hash(&f, &rss, &hash));
		assert_int_equal(hash, vectors[i].with_ports);
		assert_int_equal(flow_queue(&f, &rss), hash % 128 % 4);
		rss.fields[RSS_IPV4] = rss.fields[RSS_IPV6] = addresses;
		assert_true(flow_hash(&f, &rss, &hash));
		assert_int_equal(hash, vectors[i].addresses);
	}
}

/* Both directions, of all vectors; returns how many hash alike. */
static unsigned int alike(const struct rss *rss)
{
	unsigned int same = 0;

	for (size_t i = 0; i < VECTORS; i++) {
		struct flow f = flow_of(&vectors[i]);
		struct flow back = flow_reverse(&f);
		uint32_t there, again;

		assert_true(flow_hash(&f, rss, &there));
		assert_true(flow_hash(&back, rss, &again));
		same += there == again;
	}
	return same;
}

static void test_symmetric(void **state)
{
	unsigned char key[52];
	struct rss rss;

	(void)state;
	toeplitz_symmetric_key(key, sizeof(key));
	assert_memory_equal(key, "\x6d\x5a\x6d\x5a\x6d\x5a\x6d\x5a", 8);
	rss = rss_with(key, 40);
	assert_int_equal(alike(&rss), VECTORS);
	rss = rss_with(key, 52);
	assert_int_equal(alike(&rss), VECTORS);
	rss = rss_with(microsoft_key, sizeof(microsoft_key));
	assert_int_equal(alike(&rss), 0);
	rss.transform = RSS_TRANSFORM_XOR;
	assert_int_equal(alike(&rss), VECTORS);
	rss.transform = RSS_TRANSFORM_OR_XOR;
	assert_int_equal(alike(&rss), VECTORS);
}

/* The kernel's scaling.rst, by hand: (s ^ d, s ^ d, sp ^ dp, sp ^ dp), and with |. */
static void test_transform(void **state)
{
	struct rss rss = rss_with(microsoft_key, sizeof(microsoft_key));
	unsigned char xored[] = { 0x02, 0, 0, 0x03, 0x02, 0, 0, 0x03, 0x80, 3, 0x80, 3 };
	unsigned char mixed[] = { 0x0e, 0, 0, 0x03, 0x02, 0, 0, 0x03, 0x80, 3, 0x80, 3 };
	struct vector v = { "12.0.0.1:3", "14.0.0.2:32768", 0, 0 };
	struct flow f = flow_of(&v);
	uint32_t hash;

	(void)state;
	rss.transform = RSS_TRANSFORM_XOR;
	assert_true(flow_hash(&f, &rss, &hash));
	assert_int_equal(hash, toeplitz_hash(microsoft_key, 40, xored, sizeof(xored)));
	rss.transform = RSS_TRANSFORM_OR_XOR;
	assert_true(flow_hash(&f, &rss, &hash));
	assert_int_equal(hash, toeplitz_hash(microsoft_key, 40, mixed, sizeof(mixed)));
}

/* A short key goes on with zeros: bytes behind it leave no trace. */
static void test_short_key(void **state)
{
	const unsigned char zero_tail[] = { 0x6d, 0x5a, 0x56, 0xda, 0, 0, 0, 0 };
	const unsigned char data[] = { 0x80, 0, 0, 0, 0xff };

	(void)state;
	assert_int_equal(toeplitz_hash(microsoft_key, 4, data, 5),
			 toeplitz_hash(zero_tail, 8, data, 5));
	assert_int_equal(toeplitz_hash(microsoft_key, 4, data, 4), 0x6d5a56da);
	assert_int_equal(toeplitz_hash(microsoft_key, 0, data, 5), 0);
}

static void test_unknown(void **state)
{
	struct rss rss = rss_with(microsoft_key, sizeof(microsoft_key));
	struct flow f = flow_of(&vectors[0]);
	uint32_t hash;

	(void)state;
	rss.toeplitz = false;
	assert_false(flow_hash(&f, &rss, &hash));
	assert_int_equal(flow_queue(&f, &rss), -1);
	rss.queues = 1;
	assert_int_equal(flow_queue(&f, &rss), 0);
	rss = rss_with(microsoft_key, 0);
	assert_false(flow_hash(&f, &rss, &hash));
	rss = rss_with(microsoft_key, sizeof(microsoft_key));
	rss.fields[RSS_IPV4].known = true;
	assert_false(flow_hash(&f, &rss, &hash));
	rss.fields[RSS_IPV4].known = false;
	rss.table_n = 0;
	assert_int_equal(flow_queue(&f, &rss), -1);
}

static void test_ends(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		"1.2.3.4",
		"1.2.3.4:",
		"1.2.3.4:0",
		"1.2.3.4:65536",
		"1.2.3.4:8x",
		"fd00::1:80",
		"[fd00::1]",
		"[fd00::1]:",
		"[fd00::1:80",
		"[1.2.3.4]:80",
		"1.2.3.0/24:80",
		"[fd00::/8]:80",
		"[]:80",
		"]:80",
		"[:80",
		"host:80",
		"1.2.3.4: 80 ",
		"[::1]x:80",
	};
	char text[FLOW_END_SIZE];
	struct flow_end end;
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (flow_end_parse(bad[i], &end, &err) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
		assert_non_null(strstr(err.msg, "ADDRESS:PORT"));
	}
	for (size_t i = 0; i < VECTORS; i++) {
		assert_int_equal(flow_end_parse(vectors[i].source, &end, &err), 0);
		assert_string_equal(flow_end_format(&end, text), vectors[i].source);
	}
}

#define DUMP_HEAD "RX flow hash indirection table for eth0 with 4 RX ring(s):\n"
#define DUMP_KEY  "RSS hash key:\n6d:5a:56:da\n"

static void test_dump(void **state)
{
	static const char *const bad[] = {
		"",
		"no ethtool at all",
		DUMP_HEAD DUMP_KEY,
		DUMP_HEAD "    0:      0     1\n",
		DUMP_HEAD "    0:      0     x\n" DUMP_KEY,
		DUMP_HEAD "    8:      0     1\n" DUMP_KEY,
		DUMP_HEAD "    0:      0     1\nRSS hash key:\n6d:5a:zz\n",
	};
	struct error err = { 0 };
	struct rss rss;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (rss_parse(bad[i], &rss, &err) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
		assert_non_null(strstr(err.msg, "ethtool -x"));
	}
	assert_int_equal(rss_parse(DUMP_HEAD
				   "    0:      0     1     2     3\n"
				   "    4:      3     2     1     0\n" DUMP_KEY
				   "RSS hash function:\n    toeplitz: on\n    xor: off\n"
				   "RSS input transformation:\n    symmetric-xor: on\n"
				   "    symmetric-or-xor: off\n",
				   &rss, &err),
			 0);
	assert_int_equal(rss.queues, 4);
	assert_int_equal(rss.table_n, 8);
	assert_int_equal(rss.table[4], 3);
	assert_int_equal(rss.key_n, 4);
	assert_memory_equal(rss.key, "\x6d\x5a\x56\xda", 4);
	assert_true(rss.toeplitz);
	assert_int_equal(rss.transform, RSS_TRANSFORM_XOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),   cmocka_unit_test(test_symmetric),
		cmocka_unit_test(test_transform), cmocka_unit_test(test_short_key),
		cmocka_unit_test(test_unknown),   cmocka_unit_test(test_ends),
		cmocka_unit_test(test_dump),
	};

	return cmocka_run_group_tests_name("nic_flow", tests, NULL, NULL);
}
