/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns proving which frames tc takes into the namespace, and how they come out again. */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <sys/socket.h>

#include "helpers/namespace.h"
#include "tests/unit/tc_bench.h"

#define WAIT_MS   5000 /* for an answer that must come */
#define ARP_FRAME 64   /* bytes */

static int packet_socket(int nsfd, const char *dev)
{
	struct sockaddr_ll name = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL) };
	struct error err = { 0 };
	int fd = namespace_socket(nsfd, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL), &err);
	int one = 1;

	name.sll_ifindex = (int)if_nametoindex(dev);
	assert_true(fd >= 0 && name.sll_ifindex > 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)),
			 0);
	return fd;
}

/* "Who has 10.9.NET.2? Tell 10.9.NET.1", with a tag where tpid is not 0. */
static size_t arp_request(unsigned char *out, int net, unsigned int tpid,
			  unsigned int tci)
{
	const uint8_t ips[2][4] = { { 10, 9, (uint8_t)net, 1 },
				    { 10, 9, (uint8_t)net, 2 } };
	const uint16_t type = htons(ETH_P_ARP);
	const uint16_t tag[2] = { htons((uint16_t)tpid), htons((uint16_t)tci) };
	struct ether_arp arp = { .ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER),
					     .ar_pro = htons(ETH_P_IP),
					     .ar_hln = 6,
					     .ar_pln = 4,
					     .ar_op = htons(ARPOP_REQUEST) },
				 .arp_sha = { 2, 0, 0, 0, 0, 1 } };
	size_t n = ETH_ALEN * 2;

	memset(out, 0, ARP_FRAME);
	memset(out, 255, ETH_ALEN);
	memcpy(out + ETH_ALEN, arp.arp_sha, ETH_ALEN);
	memcpy(arp.arp_spa, ips[0], sizeof(arp.arp_spa));
	memcpy(arp.arp_tpa, ips[1], sizeof(arp.arp_tpa));
	if (tpid) {
		memcpy(out + n, tag, sizeof(tag));
		n += sizeof(tag);
	}
	memcpy(out + n, &type, sizeof(type));
	memcpy(out + n + sizeof(type), &arp, sizeof(arp));
	return ARP_FRAME;
}

/* The TCI of the tag that the frame came with, -1: none. */
static int frame_tci(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			return aux.tp_vlan_tci;
	}
	return -1;
}

/* Waits for an answer from 10.9.NET.2 (-1: any). Its TCI; -1: untagged; -2: none. */
static int arp_reply(int fd, int net)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned char frame[2048] = { 0 };
	char control[256];

	while (poll(&p, 1, WAIT_MS) > 0) {
		struct iovec v = { frame, sizeof(frame) };
		struct msghdr m = { .msg_iov = &v,
				    .msg_iovlen = 1,
				    .msg_control = control,
				    .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(fd, &m, 0);

		if (n >= 42 && frame[12] == 8 && frame[13] == 6 && frame[21] == 2 &&
		    (net < 0 || frame[30] == net))
			return frame_tci(&m);
	}
	return -2;
}

static int ask(int wire, int net, unsigned int tpid, unsigned int tci)
{
	unsigned char frame[ARP_FRAME];
	size_t n = arp_request(frame, net, tpid, tci);

	assert_int_equal(send(wire, frame, n, 0), n);
	return arp_reply(wire, net);
}

/* Not answered before a later question, that of the server's side on VLAN 200. */
static void assert_unheard(int wire, unsigned int tpid, unsigned int tci)
{
	unsigned char frame[ARP_FRAME];
	size_t n = arp_request(frame, 0, tpid, tci);

	assert_int_equal(send(wire, frame, n, 0), n);
	n = arp_request(frame, 1, ETH_P_8021Q, 200);
	assert_int_equal(send(wire, frame, n, 0), n);
	assert_int_equal(arp_reply(wire, -1), 200);
}

static void test_tagged(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 100, 200);
	int wire;

	NEEDS(p.datapath);
	json_decref(up(&p));
	ASSERT_PRESENT(&p);
	wire = packet_socket(-1, "wire0");
	assert_int_equal(ask(wire, 0, ETH_P_8021Q, 100), 100);
	assert_int_equal(ask(wire, 1, ETH_P_8021Q, 200), 200);
	/* The priority bits end at the router, as on a VLAN interface. */
	assert_int_equal(ask(wire, 0, ETH_P_8021Q, 100 | 5 << 13), 100);
	assert_unheard(wire, ETH_P_8021Q, 300);
	assert_unheard(wire, ETH_P_8021AD, 100);
	assert_unheard(wire, 0, 0);
	close(wire);
}

static void test_untagged(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 0, 200);
	int wire;

	NEEDS(p.datapath);
	json_decref(up(&p));
	ASSERT_PRESENT(&p);
	wire = packet_socket(-1, "wire0");
	assert_int_equal(ask(wire, 0, 0, 0), -1);
	assert_int_equal(ask(wire, 0, ETH_P_8021Q, 5 << 13), -1); /* a priority tag */
	assert_int_equal(ask(wire, 1, ETH_P_8021Q, 200), 200);
	assert_unheard(wire, ETH_P_8021Q, 300);
	assert_unheard(wire, ETH_P_8021AD, 100);
	close(wire);
}

static void test_two_nics(void **state)
{
	struct tc_plan p = plan(datapath_of(state), 0, 0);
	json_t *record;
	char *before;
	int wire[2];

	NEEDS(p.datapath);
	snprintf(p.side[1].nic, sizeof(p.side[1].nic), "nic1");
	before = nic_snapshot();
	record = up(&p);
	ASSERT_PRESENT(&p);
	for (int i = 0; i < 2; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "wire%d", i);
		wire[i] = packet_socket(-1, name);
		assert_int_equal(ask(wire[i], i, 0, 0), -1);
		close(wire[i]);
	}
	undo(record);
	assert_nic_is(before);
	json_decref(record);
	free(before);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		BOTH(test_tagged),
		BOTH(test_untagged),
		BOTH(test_two_nics),
	};
	/* clang-format on */

	bench_choose();
	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
