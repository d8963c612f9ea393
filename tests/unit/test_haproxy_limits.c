/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the arithmetic of connections, pipes, descriptors and threads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "haproxy/haproxy.h"
#include "haproxy/limits.h"

static struct haproxy_plan plan(void)
{
	struct haproxy_plan p = {
		.processes = 2,
		.ports = { .range = { { 80, 80 } }, .n = 1 },
		.maxconn = 1000,
		.fd_limit = 20000,
	};

	return p;
}

/* What HAProxy 2.6 computes for itself: `show info` said Maxsock for these. */
static unsigned int haproxy_maxsock(const struct haproxy_plan *p)
{
	unsigned int threads = limits_threads(p);

	return 10 + 1 + 10 + threads * ports_count(&p->ports) + 3 * threads +
	       2 * p->maxconn + 2 * limits_pipes(p);
}

static void inverse(struct haproxy_plan p)
{
	for (unsigned int limit = 0; limit < 3000; limit++) {
		unsigned int most = haproxy_maxconn_of(&p, limit);

		p.maxconn = most;
		if (most)
			assert_in_range(haproxy_fds_of(&p), 0, limit);
		assert_true(haproxy_maxsock(&p) <= haproxy_fds_of(&p));
		p.maxconn = most + 1;
		assert_true(haproxy_fds_of(&p) > limit);
	}
}

static void test_inverse(void **state)
{
	struct haproxy_plan p = plan();

	(void)state;
	inverse(p);
	p.splice = HAPROXY_SPLICE_OFF;
	inverse(p);
	p.model = HAPROXY_MODEL_THREADS;
	p.processes = 20;
	p.ports.range[0].last = 99;
	inverse(p);
	p.splice = HAPROXY_SPLICE_ON;
	inverse(p);
}

static void test_pipes(void **state)
{
	struct haproxy_plan p = plan();

	(void)state;
	assert_int_equal(limits_pipes(&p), 500);
	p.maxconn = 1001;
	assert_int_equal(limits_pipes(&p), 501);
	p.splice = HAPROXY_SPLICE_OFF;
	assert_int_equal(limits_pipes(&p), 0);
}

static void test_instances(void **state)
{
	struct haproxy_plan p = plan();

	(void)state;
	p.processes = 65;
	assert_int_equal(haproxy_instances(&p), 65);
	assert_int_equal(limits_threads(&p), 1);
	p.model = HAPROXY_MODEL_THREADS;
	assert_int_equal(haproxy_instances(&p), 1);
	assert_int_equal(limits_threads(&p), 65);
	assert_int_equal(limits_groups(&p), 2);
	p.processes = 64;
	assert_int_equal(limits_groups(&p), 1);
}

static void refused(const struct haproxy_plan *p, const struct haproxy_version *v,
		    int code, const char *words)
{
	struct error err = { 0 };

	assert_int_equal(haproxy_plan_check(p, v, &err), -code);
	if (!strstr(err.msg, words))
		fail_msg("'%s' is not in '%s'", words, err.msg);
}

static void accepted(const struct haproxy_plan *p, const struct haproxy_version *v)
{
	struct error err = { 0 };

	if (haproxy_plan_check(p, v, &err) < 0)
		fail_msg("%s", err.msg);
}

static void test_check(void **state)
{
	struct haproxy_version v = { .text = "2.6.12",
				     .transparent = true,
				     .splice = true,
				     .threads = true,
				     .max_threads = 64,
				     .max_groups = 1 };
	struct haproxy_plan p = plan();

	(void)state;
	accepted(&p, &v);
	v.transparent = false;
	refused(&p, &v, ENOTSUP, "usesrc");
	v.transparent = true;
	v.splice = false;
	accepted(&p, &v);
	p.splice = HAPROXY_SPLICE_ON;
	refused(&p, &v, ENOTSUP, "haproxy.splice");
	v.splice = true;
	accepted(&p, &v);
	p.fd_limit = 1000;
	refused(&p, &v, EMFILE, "lower maxconn to 321");
	p.fd_limit = haproxy_fds_of(&p);
	accepted(&p, &v);
	p.maxconn = 0;
	refused(&p, &v, EINVAL, "maxconn");
	p.maxconn = 10;
	p.processes = 0;
	refused(&p, &v, EINVAL, "1..256");
	p.processes = 257;
	refused(&p, &v, EINVAL, "1..256");
}

static void test_check_threads(void **state)
{
	struct haproxy_version v = { .text = "2.6.12",
				     .transparent = true,
				     .splice = true,
				     .threads = true,
				     .max_threads = 64,
				     .max_groups = 1 };
	struct haproxy_plan p = plan();

	(void)state;
	p.model = HAPROXY_MODEL_THREADS;
	p.processes = 64;
	accepted(&p, &v);
	p.processes = 65;
	refused(&p, &v, ENOTSUP, "at most 64 threads");
	v.max_threads = 256;
	v.max_groups = 2;
	accepted(&p, &v);
	p.processes = 129;
	refused(&p, &v, ENOTSUP, "at most 128 threads");
	v.threads = false;
	refused(&p, &v, ENOTSUP, "without threads");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inverse),       cmocka_unit_test(test_pipes),
		cmocka_unit_test(test_instances),     cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_threads),
	};

	return cmocka_run_group_tests_name("haproxy_limits", tests, NULL, NULL);
}
