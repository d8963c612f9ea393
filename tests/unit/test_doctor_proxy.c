/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the doctor's checks of the namespace and of HAProxy: each provoked, each gone. */
#include <sys/resource.h>

#include "tests/unit/doctor_bench.h"

#define CONF "proc/sys/net/ipv4/conf/"

static void test_rp_filter(void **state)
{
	(void)state;
	put(CONF "all/rp_filter", "0\n");
	put(CONF "client/rp_filter", "0\n");
	put(CONF "server/rp_filter", "0\n");
	put(CONF "eth0/rp_filter", "2\n");
	assert_string_equal(result("rp-filter"), "ok");
	put(CONF "server/rp_filter", "2\n");
	assert_string_equal(result("rp-filter"), "warning");
	assert_told("rp-filter", "loose");
	assert_told("rp-filter", "net.ipv4.conf.server.rp_filter=0");
	put(CONF "server/rp_filter", "1\n");
	assert_string_equal(result("rp-filter"), "fault");
	put(CONF "server/rp_filter", "0\n");
	put(CONF "eth0/rp_filter", "1\n");
	assert_string_equal(result("rp-filter"), "note");
	assert_told("rp-filter", "'eth0'");
}

#define COUNT "proc/sys/net/netfilter/nf_conntrack_count"
#define LIST  "proc/net/nf_conntrack"

static void test_conntrack(void **state)
{
	(void)state;
	assert_string_equal(result("conntrack"), "ok"); /* the kernel has none */
	put(COUNT, "0\n");
	assert_string_equal(result("conntrack"), "ok");
	put(COUNT, "2\n");
	assert_string_equal(result("conntrack"), "warning"); /* nothing to tell whose */
	put(LIST,
	    "ipv4     2 udp      17 29 src=10.1.0.9 dst=10.2.0.9 sport=80 dport=80\n");
	assert_string_equal(result("conntrack"), "warning");
	bench.plan.config.scenario = SCENARIO_NF_IPT;
	assert_string_equal(result("conntrack"), "ok"); /* its exemption is for TCP */
	put(LIST, "ipv4     2 udp      17 29 src=10.1.0.9 dst=10.2.0.9 sport=9 dport=9\n"
		  "ipv6     10 tcp      6 9 ESTABLISHED src=fd00::1 dst=fd00::2 "
		  "sport=40000 dport=80 src=fd00::2 dst=fd00::1 sport=80 dport=40000\n");
	assert_string_equal(result("conntrack"), "fault");
	assert_told("conntrack", "sport=40000 dport=80");
	assert_told("conntrack", "3192");
}

static void netstat(int overflows, int drops, int time_wait)
{
	put("proc/net/netstat",
	    "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPTimeWaitOverflow\n"
	    "TcpExt: 7 %d %d %d\nIpExt: InNoRoutes\nIpExt: 9\n",
	    overflows, drops, time_wait);
}

static void test_listen(void **state)
{
	(void)state;
	assert_string_equal(result("listen"), "skipped");
	netstat(0, 0, 0);
	assert_string_equal(result("listen"), "ok");
	netstat(3, 5, 0);
	assert_string_equal(result("listen"), "warning");
	assert_told("listen", "3, 5|");
	put("proc/net/netstat", "TcpExt: SyncookiesSent\nTcpExt: 7\n");
	assert_string_equal(result("listen"), "ok");
	put("proc/net/netstat", "TcpExt: ListenOverflows");
	assert_string_equal(result("listen"), "ok");
}

static void test_time_wait(void **state)
{
	(void)state;
	netstat(0, 0, 0);
	put("proc/sys/net/ipv4/tcp_max_tw_buckets", "1000\n");
	put("proc/net/sockstat",
	    "sockets: used 9\nTCP: inuse 1 orphan 0 tw 799 alloc 2\n");
	assert_string_equal(result("time-wait"), "ok");
	put("proc/net/sockstat",
	    "sockets: used 9\nTCP: inuse 1 orphan 0 tw 800 alloc 2\n");
	assert_string_equal(result("time-wait"), "warning");
	assert_told("time-wait", "tw 800");
	put("proc/net/sockstat", "TCP: inuse 1 orphan 0 tw 0 alloc 2\n");
	netstat(0, 0, 4);
	assert_string_equal(result("time-wait"), "warning");
	assert_told("time-wait", "TCPTimeWaitOverflow 4");
}

static void limits(unsigned int soft)
{
	put("proc/500/limits",
	    "Limit                     Soft Limit           Hard Limit           Units\n"
	    "Max open files            %-20u %-20u files\n",
	    soft, soft);
}

/* No limit of this process's own may come into it. */
static void limit_self(rlim_t hard)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_max = limit.rlim_max < hard ? limit.rlim_max : hard;
	limit.rlim_cur =
		limit.rlim_cur < limit.rlim_max ? limit.rlim_cur : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_descriptors(void **state)
{
	unsigned int need = haproxy_fds_of(&bench.plan.haproxy);
	char path[64];

	(void)state;
	bench.plan.haproxy.splice = HAPROXY_SPLICE_OFF;
	need = haproxy_fds_of(&bench.plan.haproxy);
	assert_string_equal(result("descriptors"), "ok");
	bench.pid[bench.n_pids++] = 500;
	limits(need);
	for (unsigned int i = 0; i < need / 10 * 9 - 1; i++) {
		snprintf(path, sizeof(path), "proc/500/fd/%u", i);
		put(path, "%s", "");
	}
	assert_string_equal(result("descriptors"), "ok");
	put("proc/500/fd/more", "%s", "");
	put("proc/500/fd/most", "%s", "");
	assert_string_equal(result("descriptors"), "warning");
	assert_told("descriptors", "HAProxy 500 has nearly all");
	limits(need - 1);
	assert_string_equal(result("descriptors"), "warning");
	assert_told("descriptors", "fewer files than its connections take");
	remove_file("proc/500/limits"); /* it has just died */
	assert_string_equal(result("descriptors"), "ok");
}

static void test_descriptors_limit(void **state)
{
	struct rlimit limit;

	(void)state;
	limit_self(5000);
	getrlimit(RLIMIT_NOFILE, &limit);
	bench.plan.haproxy.maxconn =
		haproxy_maxconn_of(&bench.plan.haproxy, (unsigned int)limit.rlim_max);
	assert_string_equal(result("descriptors"), "note");
	assert_told("descriptors", "ulimit -Hn: 5000");
	bench.plan.haproxy.maxconn /= 2; /* as configured, then: not the limit's doing */
	assert_string_equal(result("descriptors"), "ok");
	put("proc/sys/fs/file-nr", "900\t0\t1000\n");
	assert_string_equal(result("descriptors"), "warning");
	put("proc/sys/fs/file-nr", "899\t0\t1000\n");
	assert_string_equal(result("descriptors"), "ok");
}

static void test_pipes(void **state)
{
	(void)state;
	assert_string_equal(result("pipes"), "skipped");
	put("proc/sys/fs/pipe-user-pages-soft", "16384\n");
	bench.plan.haproxy.maxconn = 1024; /* 512 pipes each: 1024 in all, which fit */
	assert_string_equal(result("pipes"), "ok");
	bench.plan.haproxy.maxconn = 1025;
	assert_string_equal(result("pipes"), "note");
	assert_told("pipes", "fs.pipe-user-pages-soft=16416");
	bench.pipes_used = 820;
	assert_string_equal(result("pipes"), "warning");
	bench.plan.haproxy.splice = HAPROXY_SPLICE_OFF;
	assert_string_equal(result("pipes"), "ok");
	bench.plan.haproxy.splice = HAPROXY_SPLICE_ON;
	strcpy(bench.plan.haproxy.user, "root");
	assert_string_equal(result("pipes"), "ok");
	strcpy(bench.plan.haproxy.user, "haproxy");
	put("proc/sys/fs/pipe-user-pages-soft", "0\n"); /* no limit */
	assert_string_equal(result("pipes"), "ok");
}

static const char *version(int major, int minor, int patch, enum haproxy_mode mode)
{
	struct haproxy_version *v = &bench.plan.version;

	v->major = major;
	v->minor = minor;
	v->patch = patch;
	snprintf(v->text, sizeof(v->text), "%d.%d.%d", major, minor, patch);
	bench.plan.haproxy.mode = mode;
	return result("haproxy");
}

static void test_haproxy(void **state)
{
	(void)state;
	assert_string_equal(result("haproxy"), "skipped");
	assert_string_equal(version(2, 6, 12, HAPROXY_MODE_TCP), "note");
	assert_told("haproxy", "3192");
	assert_string_equal(version(2, 4, 11, HAPROXY_MODE_HTTP), "fault");
	assert_string_equal(version(2, 4, 12, HAPROXY_MODE_HTTP), "note");
	assert_string_equal(version(2, 9, 1, HAPROXY_MODE_TCP), "fault");
	assert_told("haproxy", "2395");
	assert_string_equal(version(2, 9, 2, HAPROXY_MODE_TCP), "ok");
	assert_string_equal(version(2, 9, 10, HAPROXY_MODE_HTTP), "warning");
	assert_string_equal(version(2, 9, 11, HAPROXY_MODE_HTTP), "ok");
	assert_string_equal(version(3, 0, 4, HAPROXY_MODE_HTTP), "warning");
	assert_string_equal(version(3, 0, 5, HAPROXY_MODE_HTTP), "ok");
	assert_string_equal(version(3, 2, 3, HAPROXY_MODE_TCP), "ok");
}

static void test_needs(void **state)
{
	(void)state;
	netstat(1, 1, 1);
	bench.up = false;
	assert_string_equal(result("listen"), "skipped");
	bench.planned = false;
	assert_string_equal(result("pipes"), "skipped");
	assert_string_equal(result("journal"), "ok");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECK(test_rp_filter),   CHECK(test_conntrack),
		CHECK(test_listen),      CHECK(test_time_wait),
		CHECK(test_descriptors), CHECK(test_descriptors_limit),
		CHECK(test_pipes),       CHECK(test_haproxy),
		CHECK(test_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
