/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the residence probe: what it matches, what it leaves alone, what it costs. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tc/residence.h"

/* Sanitizers slow nothing down here: the programs run in the kernel. */
#define COST_MAX 1000.0 /* ns */

static char why[256];

#define NEEDS                                                                            \
	do {                                                                             \
		if (why[0]) {                                                            \
			print_message("skip: %s\n", why);                                \
			skip();                                                          \
		}                                                                        \
	} while (0)

static void sh(const char *line)
{
	if (system(line))
		fail_msg("%s", line);
}

static int setup(void **state)
{
	(void)state;
	if (geteuid() || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("", "/", "", MS_REC | MS_PRIVATE, NULL) < 0) {
		snprintf(why, sizeof(why), "needs root: makes network devices");
		return 0;
	}
	sh("ip link set lo up");
	for (int i = 0; i < 2; i++) {
		char line[256];

		snprintf(line, sizeof(line),
			 "ip link add nic%d type veth peer name wire%d && "
			 "ip link set nic%d up && ip link set wire%d up",
			 i, i, i, i);
		sh(line);
	}
	return 0;
}

/* A segment of TCP with this payload from or to the client, out by a device. */
static void send_segment(const char *dev, int family, bool back, const char *payload)
{
	/* Two bytes in, so that what follows Ethernet's header is aligned. */
	unsigned char room[512] __attribute__((aligned(8))) = { 0 }, *frame = room + 2;
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(dev),
				  .sll_halen = ETH_ALEN };
	struct ethhdr *ethernet = (void *)frame;
	struct tcphdr *tcp;
	size_t at = sizeof(*ethernet), n = strlen(payload);
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	ethernet->h_dest[0] = 2;
	if (family == AF_INET) {
		struct iphdr *ip = (void *)(frame + at);

		*ip = (struct iphdr){ .version = 4,
				      .ihl = 5,
				      .ttl = 9,
				      .protocol = IPPROTO_TCP,
				      .tot_len = htons((uint16_t)(40 + n)),
				      .saddr = htonl(back ? 2 : 1),
				      .daddr = htonl(back ? 1 : 2) };
		ethernet->h_proto = htons(ETH_P_IP);
		at += sizeof(*ip);
	} else {
		struct ipv6hdr *ip = (void *)(frame + at);

		*ip = (struct ipv6hdr){ .version = 6,
					.nexthdr = IPPROTO_TCP,
					.payload_len = htons((uint16_t)(20 + n)) };
		ip->saddr.s6_addr[15] = back ? 2 : 1;
		ip->daddr.s6_addr[15] = back ? 1 : 2;
		ethernet->h_proto = htons(ETH_P_IPV6);
		at += sizeof(*ip);
	}
	tcp = (void *)(frame + at);
	tcp->source = htons(back ? 80 : 40000);
	tcp->dest = htons(back ? 40000 : 80);
	tcp->doff = 5;
	at += sizeof(*tcp);
	memcpy(frame + at, payload, n);
	assert_int_equal(sendto(fd, frame, at + n, 0, (struct sockaddr *)&to, sizeof(to)),
			 at + n);
	close(fd);
}

static bool by_filters; /* as on kernels without tcx */

static struct residence *probe(bool by_flow)
{
	struct residence_plan plan = { .nic = { "nic0", "nic1" },
				       .by_flow = by_flow,
				       .filters = by_filters };
	struct residence *r = NULL;
	struct error err = { 0 };

	if (residence_open(-1, &plan, &r, &err) < 0)
		fail_msg("%s", err.msg);
	return r;
}

static void done(struct residence *r)
{
	struct error err = { 0 };

	if (residence_close(r, &err) < 0)
		fail_msg("%s", err.msg);
	sh("test -z \"$(tc filter show dev nic0 ingress; tc filter show dev nic1 egress;"
	   " tc qdisc show dev nic0 | grep clsact)\"");
}

/* The segments are through at once: veth's ingress runs before sendto returns, or soon
 * after it in softirq.
 */
static void saw(const struct residence *r, int to, uint64_t in, uint64_t out,
		uint64_t matched, struct residence_way *way)
{
	static const struct timespec moment = { .tv_nsec = 10 * 1000000 };
	struct error err = { 0 };

	nanosleep(&moment, NULL);
	assert_int_equal(residence_read(r, to, way, &err), 0);
	assert_int_equal(way->in, in);
	assert_int_equal(way->out, out);
	assert_int_equal(way->matched, matched);
}

#define ONE "one segment's bytes, of thirty-two or more"
#define TWO "two segment's bytes, of thirty-two or more"

static void matches(int family)
{
	static const struct timespec stay = { .tv_nsec = 30 * 1000000 };
	struct residence *r = probe(true);
	struct residence_way way;
	double ms;

	send_segment("wire0", family, false, ONE); /* comes in by nic0 */
	nanosleep(&stay, NULL);
	send_segment("nic1", family, false, ONE); /* leaves by nic1 */
	send_segment("nic1", family, false, ONE); /* once more: never seen come */
	send_segment("nic1", family, false, TWO);
	saw(r, 1, 1, 3, 1, &way);
	ms = residence_percentile(&way, 50) / 1e6;
	if (ms < 30 || ms > 1000)
		fail_msg("it stayed 30 ms, and the probe says %.3f", ms);
	saw(r, 0, 0, 0, 0, &way);
	send_segment("wire1", family, true,
		     ONE); /* the echo: the same bytes, the way back */
	send_segment("nic0", family, true, ONE);
	saw(r, 0, 1, 1, 1, &way);
	done(r);
}

static void test_matches(void **state)
{
	(void)state;
	NEEDS;
	matches(AF_INET);
	matches(AF_INET6);
}

/* A proxy that connects as itself changes addresses, not bytes. */
static void test_by_bytes(void **state)
{
	struct residence_way way;
	struct residence *r;

	(void)state;
	NEEDS;
	r = probe(true);
	send_segment("wire0", AF_INET, false, ONE);
	send_segment("nic1", AF_INET6, false, ONE);
	saw(r, 1, 1, 1, 0, &way);
	done(r);
	r = probe(false);
	send_segment("wire0", AF_INET, false, ONE);
	send_segment("nic1", AF_INET6, false, ONE);
	saw(r, 1, 1, 1, 1, &way);
	done(r);
}

static void test_leaves_alone(void **state)
{
	struct residence_way way;
	struct residence *r;

	(void)state;
	NEEDS;
	r = probe(true);
	send_segment("wire0", AF_INET, false, "less than thirty-two bytes");
	send_segment("wire0", AF_INET, false, "");
	saw(r, 1, 0, 0, 0, &way);
	assert_true(residence_percentile(&way, 50) <= 0);
	done(r);
	/* Somebody else's clsact stays. */
	sh("tc qdisc add dev nic0 clsact");
	r = probe(true);
	assert_int_equal(residence_close(r, NULL), 0);
	sh("tc qdisc show dev nic0 | grep -q clsact && tc qdisc del dev nic0 clsact");
}

static void test_refuses(void **state)
{
	struct residence_plan plan = { .nic = { "nic0", "none" } };
	struct residence *r = NULL;
	struct error err = { 0 };

	(void)state;
	NEEDS;
	assert_int_equal(residence_open(-1, &plan, &r, &err), -ENODEV);
	assert_non_null(strstr(err.msg, "find the interface none"));
}

static void test_filters(void **state)
{
	by_filters = true;
	test_matches(state);
	test_by_bytes(state);
	test_leaves_alone(state);
	by_filters = false;
}

static bool gone(void)
{
	return !system(
		"test -z \"$(tc filter show dev nic0 ingress; tc qdisc show dev nic0"
		" | grep clsact; bpftool -j net show dev nic0 2>/dev/null |"
		" grep -o residence_in)\"");
}

/* Killed without a chance to tidy up, a process leaves nothing on the NICs. */
static void test_killed(void **state)
{
	const struct timespec step = { .tv_nsec = 20000000 };

	(void)state;
	NEEDS;
	for (int filters = 0; filters < 2; filters++) {
		int ready[2];
		pid_t pid;
		char byte;

		assert_int_equal(pipe(ready), 0);
		pid = fork();
		if (!pid) {
			by_filters = filters;
			(void)probe(true);
			(void)!write(ready[1], "", 1);
			for (;;)
				pause();
		}
		assert_int_equal(read(ready[0], &byte, 1), 1);
		if (filters)
			sh("tc filter show dev nic0 ingress | grep -q residence_in");
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		for (int i = 0; i < 250 && !gone(); i++)
			nanosleep(&step, NULL);
		assert_true(gone());
		close(ready[0]);
		close(ready[1]);
	}
}

static void test_percentiles(void **state)
{
	static struct residence_way way, more;

	(void)state;
	way.bucket[10] = 50;
	way.bucket[200] = 49;
	more.bucket[2000] = 1;
	residence_merge(&way, &more);
	assert_true(residence_percentile(&way, 50) >= 10 &&
		    residence_percentile(&way, 50) <= 10);
	assert_true(residence_percentile(&way, 99) >= 200 &&
		    residence_percentile(&way, 99) <= 200);
	assert_true(residence_percentile(&way, 100) > 1e6);
	/* Each bucket's middle lies in it, and within half a per cent of all of it. */
	for (unsigned int i = 1; i < RESIDENCE_BUCKETS; i++)
		assert_true(residence_middle(i) > residence_middle(i - 1));
	for (double ns = 1; ns < 4e12; ns *= 1.01) {
		unsigned int bucket = residence_bucket((unsigned long long)ns);
		double off = residence_middle(bucket) - (double)(unsigned long long)ns;

		assert_true(bucket < RESIDENCE_BUCKETS);
		assert_true(off <= ns * 0.005 && off >= -ns * 0.005);
	}
}

static void test_cost(void **state)
{
	struct residence_cost cost = { 0 };
	struct error err = { 0 };

	(void)state;
	NEEDS;
	if (residence_cost(&cost, &err) < 0)
		fail_msg("%s", err.msg);
	print_message("# in %.0f ns, out %.0f ns, out unknown %.0f ns\n", cost.in,
		      cost.out, cost.unknown);
	assert_true(cost.in > 0 && cost.in < COST_MAX);
	assert_true(cost.out > 0 && cost.out < COST_MAX);
	assert_true(cost.unknown > 0 && cost.unknown < COST_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),      cmocka_unit_test(test_by_bytes),
		cmocka_unit_test(test_leaves_alone), cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_filters),      cmocka_unit_test(test_killed),
		cmocka_unit_test(test_percentiles),  cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
