/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds ICMP errors about TCP flows, byte by byte, for the tests of tc/steer. */
#ifndef TESTS_UNIT_ICMP_PACKET_H
#define TESTS_UNIT_ICMP_PACKET_H

#include <arpa/inet.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <netinet/ip.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tests/unit/loopback.h"

#define PACKET_MAX 512

/* A packet, built from the front. */
struct packet {
	size_t length;
	unsigned char align[2]; /* so that what follows the Ethernet header is aligned */
	unsigned char bytes[PACKET_MAX];
};

static void *packet_add(struct packet *p, const void *bytes, size_t n)
{
	unsigned char *at = p->bytes + p->length;

	assert_true(p->length + n <= PACKET_MAX);
	if (bytes)
		memcpy(at, bytes, n);
	else
		memset(at, 0, n);
	p->length += n;
	return at;
}

static void packet_ethernet(struct packet *p, uint16_t type)
{
	struct ethhdr *eth = packet_add(p, NULL, sizeof(*eth));

	eth->h_proto = htons(type);
}

/* An IPv4 header with `options` bytes of options (no-operations). */
static struct iphdr *packet_ipv4(struct packet *p, uint8_t protocol, uint32_t from,
				 uint32_t to, unsigned int options)
{
	struct iphdr *ip = packet_add(p, NULL, sizeof(*ip));

	ip->version = 4;
	ip->ihl = (5 + options / 4) & 0xf;
	ip->ttl = 64;
	ip->protocol = protocol;
	ip->saddr = htonl(from);
	ip->daddr = htonl(to);
	memset(packet_add(p, NULL, options), 1, options);
	return ip;
}

static struct ipv6hdr *packet_ipv6(struct packet *p, uint8_t next)
{
	struct ipv6hdr *ip = packet_add(p, NULL, sizeof(*ip));

	ip->version = 6;
	ip->nexthdr = next;
	ip->saddr = in6addr_loopback;
	ip->daddr = in6addr_loopback;
	return ip;
}

static void packet_icmp(struct packet *p, uint8_t type, uint8_t code)
{
	unsigned char *icmp = packet_add(p, NULL, 8);

	icmp[0] = type;
	icmp[1] = code;
}

/* The first 8 bytes of the TCP header that the flow's local end would send. */
static void packet_ports(struct packet *p, const struct flow *f)
{
	uint16_t *ports = packet_add(p, NULL, 8);

	ports[0] = htons(f->local);
	ports[1] = htons(f->remote);
}

static inline void packet_error(struct packet *p, const struct flow *f, uint8_t type,
				uint8_t code)
{
	*p = (struct packet){ .length = 0 };
	if (f->family == AF_INET) {
		packet_ethernet(p, ETH_P_IP);
		packet_ipv4(p, IPPROTO_ICMP, 0x0a000001, INADDR_LOOPBACK, 0);
		packet_icmp(p, type, code);
		packet_ipv4(p, IPPROTO_TCP, INADDR_LOOPBACK, INADDR_LOOPBACK, 0);
	} else {
		packet_ethernet(p, ETH_P_IPV6);
		packet_ipv6(p, IPPROTO_ICMPV6);
		packet_icmp(p, type, code);
		packet_ipv6(p, IPPROTO_TCP);
	}
	packet_ports(p, f);
}

/* One extension header of 8 bytes; a fragment header's offset field is `offset`. */
static void packet_extension(struct packet *p, uint8_t next, uint16_t offset)
{
	unsigned char *e = packet_add(p, NULL, 8);

	e[0] = next;
	e[2] = offset >> 8;
	e[3] = offset & 0xff;
}

/* n headers of a kind before the ICMPv6 header, and m before the embedded TCP. */
static inline void packet_chain(struct packet *p, const struct flow *f, uint8_t kind,
				int n, int m, uint16_t offset)
{
	*p = (struct packet){ .length = 0 };
	packet_ethernet(p, ETH_P_IPV6);
	packet_ipv6(p, n ? kind : IPPROTO_ICMPV6);
	for (int i = 0; i < n; i++)
		packet_extension(p, i + 1 < n ? kind : IPPROTO_ICMPV6, offset);
	packet_icmp(p, ICMPV6_PKT_TOOBIG, 0);
	packet_ipv6(p, m ? kind : IPPROTO_TCP);
	for (int i = 0; i < m; i++)
		packet_extension(p, i + 1 < m ? kind : IPPROTO_TCP, offset);
	packet_ports(p, f);
}

#endif
