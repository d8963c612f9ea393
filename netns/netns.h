/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proxy's network namespace: what exists in it, and where it routes. */
#ifndef NETNS_NETNS_H
#define NETNS_NETNS_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>

#include "helpers/error.h"
#include "helpers/ports.h"
#include "helpers/prefix.h"
#include "helpers/step.h"
#include "helpers/text.h"

enum { SIDE_CLIENT, SIDE_SERVER, SIDES };
enum { FAMILY_IPV4, FAMILY_IPV6, FAMILIES };

#define NETNS_NAME_MAX 9 /* "NAME-c" and "NAME-s" must fit IFNAMSIZ with room */

/*
 * hapep's number: routes and rules carry it as their protocol, the host ends of the
 * veths and the namespace's lo as their device group. By it probes and undos tell
 * hapep's from somebody else's.
 */
#define NETNS_OWNER 104

/*
 * Routing inside the namespace, each family that the plan has (the paper's "Experiment
 * Setup"; the marks are ours, set at the namespace's tc ingress by tc/steer):
 * - pref 90   iif client, fwmark MARK_PASS/..  lookup 200   past the proxy
 * - pref 91   iif server, fwmark MARK_PASS/..  lookup main  past the proxy
 * - pref 100  iif client, tcp dport in ports   lookup 100  to the listeners
 * - pref 101  iif server, tcp sport in ports   lookup 100  to the onward sockets
 * - pref 102  iif client, fwmark MARK_LOCAL/.. lookup 100  ICMP errors of proxied flows
 * - pref 103  iif server, fwmark MARK_LOCAL/.. lookup 100  (iif: source validation asks
 *   with the mark too, and without an interface)
 * - pref 110  oif server                       lookup 200  onward sockets going out
 * - pref 111  iif lo, fwmark MARK_SERVER/..    lookup 200  RST, ICMP to the server side
 * - pref 112  iif client                       lookup 200  forwarding, client to server
 * - table 100: local default dev lo
 * - table 200: both connected networks, default via the server side's gateway
 *   (unreachable where it has none)
 * - main: both connected networks, default via the client side's gateway
 *
 * A plan without ports has no rules 90 to 103: everything is forwarded (fail-open), and
 * netns_rule_apply goes from one to the other and back without touching the rest.
 */
#define NETNS_TABLE_LOCAL  100
#define NETNS_TABLE_SERVER 200
#define NETNS_MARK_SERVER  0x1
#define NETNS_MARK_LOCAL   0x2
#define NETNS_MARK_PASS    0x4

struct netns_side {
	char inner[IFNAMSIZ];            /* the veth in the namespace: client, server */
	char host[IFNAMSIZ];             /* its host end: NAME-c, NAME-s */
	unsigned char mac[6];            /* of the side's NIC: the inner end takes it */
	unsigned int mtu;                /* bytes, of both ends */
	struct prefix address[FAMILIES]; /* family 0: none of that family */
	struct prefix gateway[FAMILIES];
	char congestion[16];   /* "" : the kernel's default; a route's congctl else */
	unsigned int initcwnd; /* segments; 0: the kernel's default */
};

enum netns_engine { NETNS_ENGINE_NFT, NETNS_ENGINE_IPTABLES };

struct netns_plan {
	char name[NETNS_NAME_MAX + 1];
	struct netns_side side[SIDES];
	struct ports ports;
	/* Where HAProxy listens instead of on the service ports; 0: on those. */
	uint16_t proxy_port;
	enum netns_engine engine; /* of the TPROXY rule */
};

/* True where either side has an address of that family. */
bool netns_has_family(const struct netns_plan *p, int family_index);

/*
 * Each part of the namespace has the functions that a step needs (helpers/step.h):
 * apply makes it so (idempotent: what is right stays untouched, what is hapep's and not
 * wanted goes), probe asks the kernel over netlink, describe adds the equivalent ip and
 * sysctl lines, which can be pasted. All take the plan, work in the namespace of that
 * name from wherever the caller is, and return 0 or -errno. Probes report what is wrong
 * in detail, one phrase a line; without the namespace all is STEP_ABSENT. Only the
 * namespace and the veth pairs need an undo: the rest lives in the namespace.
 */

/*
 * The named namespace itself, as `ip netns add` makes it, lo up. -EEXIST: somebody
 * else's. The empty file that a killed run or `ip netns` left is taken.
 */
int netns_create(const struct netns_plan *p, struct error *err);
int netns_probe(const struct netns_plan *p, enum step_state *state, struct text *detail,
		struct error *err);
void netns_describe(const struct netns_plan *p, struct text *out);
/*
 * Takes the name away, and with it the namespace once the last process in it ends; the
 * kernel then deletes what was in it in its own time, so veths are deleted before.
 * Idempotent, by name only. A namespace that is not hapep's is left alone.
 */
int netns_destroy(const char *name, struct error *err);
/* The name, and whether /run/netns was there and mounted before. */
int netns_record(const struct netns_plan *p, json_t **out, struct error *err);
/* netns_destroy, and /run/netns as it was unless somebody else uses it by now. */
int netns_undo(const json_t *record, struct error *err);

/*
 * One veth pair: host end named side->host, inner end in the namespace, both up, with a
 * queue for each CPU. Sets the namespace's and that side's sysctls before the inner end
 * comes up. -EEXIST: somebody else's interface has the host end's name.
 */
int netns_veth_create(const struct netns_plan *p, int side, struct error *err);
int netns_veth_probe(const struct netns_plan *p, int side, enum step_state *state,
		     struct text *detail, struct error *err);
void netns_veth_describe(const struct netns_plan *p, int side, struct text *out);
/* Deletes the host end (the pair goes). No such link, or not hapep's: success. */
int netns_veth_delete(const char *host, struct error *err);

/* Of IPv6 only where the plan has it; else IPv6 is disabled in the namespace. */
int netns_sysctl_apply(const struct netns_plan *p, struct error *err);
int netns_sysctl_probe(const struct netns_plan *p, enum step_state *state,
		       struct text *detail, struct error *err);
void netns_sysctl_describe(const struct netns_plan *p, struct text *out);

/* Addresses without prefix routes; others than the plan's, link-local aside, go. */
int netns_address_apply(const struct netns_plan *p, struct error *err);
int netns_address_probe(const struct netns_plan *p, enum step_state *state,
			struct text *detail, struct error *err);
void netns_address_describe(const struct netns_plan *p, struct text *out);

/* -EINVAL for a congestion control that the kernel lacks names those that it has. */
/*
 * Has the kernel send a gratuitous ARP and an unsolicited neighbour advertisement for
 * the own addresses, on both sides: a router that has given the blade up, or knows
 * another one's MAC for its addresses, finds it at once. Needs the redirects.
 */
int netns_announce(const struct netns_plan *p, struct error *err);

int netns_route_apply(const struct netns_plan *p, struct error *err);
int netns_route_probe(const struct netns_plan *p, enum step_state *state,
		      struct text *detail, struct error *err);
void netns_route_describe(const struct netns_plan *p, struct text *out);

int netns_rule_apply(const struct netns_plan *p, struct error *err);
int netns_rule_probe(const struct netns_plan *p, enum step_state *state,
		     struct text *detail, struct error *err);
void netns_rule_describe(const struct netns_plan *p, struct text *out);

/*
 * NF-IPT: one stateless TPROXY rule for each family maps what arrives by the client-side
 * veth for the service ports to proxy_port, in mangle/prerouting, and rules in raw exempt
 * the service's packets, both ways, from connection tracking. The proxy's own addresses
 * are left out, and so are packets that tc/steer marked to pass. Written by libnftables
 * into a table of hapep's own, or by iptables-restore and ip6tables-restore, whichever of
 * Debian's variants the kernel can serve.
 *
 * Probes compare with what the same program lists for the same rules in a namespace made
 * for the purpose, so that the versions' ways to print do not matter.
 */
int netns_tproxy_apply(const struct netns_plan *p, struct error *err);
int netns_tproxy_probe(const struct netns_plan *p, enum step_state *state,
		       struct text *detail, struct error *err);
void netns_tproxy_describe(const struct netns_plan *p, struct text *out);
/*
 * Puts the rules of `to` in the place of those of `from`, or of any mixture of both, in
 * one transaction a table (and family, with iptables); from one engine to the other,
 * those of `to` stand before those of `from` go.
 */
int netns_tproxy_change(const struct netns_plan *from, const struct netns_plan *to,
			struct error *err);
int netns_tproxy_record(const struct netns_plan *p, json_t **out, struct error *err);
/* No such namespace, or rules gone already: success. */
int netns_tproxy_undo(const json_t *record, struct error *err);
/* Whether this machine takes the rules, tried in a namespace made for the purpose. */
int netns_tproxy_check(const struct netns_plan *p, struct error *err);

/*
 * SK-LOOKUP: a BPF sk_lookup program (kernel 5.9) attached to the namespace nsfd, which
 * gives connections to the service ports to the listening sockets fd (n of them, one
 * SO_REUSEPORT group): on CPU c < cpus fd[taker[c]], on others fd[c % n]; where taker is
 * NULL, the one that the group's hash picks. The proxy's own addresses are the guard's.
 * *link_fd is the caller's; closing it detaches, and nothing is pinned. Where it is one
 * already (not -1) the new program takes the old one's place at one instant. A socket
 * that stops to listen is passed over: attach again once it listens.
 */
int netns_lookup_attach(const struct netns_plan *p, int nsfd, const int *fd,
			const unsigned short *taker, unsigned int cpus, unsigned int n,
			int *link_fd, struct error *err);
/* Asks the kernel whether one with the plan's addresses and ports is attached. */
int netns_lookup_probe(const struct netns_plan *p, enum step_state *state,
		       struct text *detail, struct error *err);
void netns_lookup_describe(const struct netns_plan *p, struct text *out);
/* Whether this machine takes it, tried in a namespace made for the purpose. */
int netns_lookup_check(const struct netns_plan *p, struct error *err);

/*
 * The netfilter hooks of the namespace, all families and devices: by the kernel's own
 * list (5.14, CONFIG_NETFILTER_NETLINK_HOOK), or read from its tables by a BPF iterator
 * (5.8, CONFIG_DEBUG_INFO_BTF). Their functions' names are added to names, separated by
 * ", ", and in parentheses the tables that are known to register some. A kernel with
 * neither is asked for nftables' chains and xtables' tables alone, which are hooks for
 * certain; that there is none proves nothing. Returns how many, or -EOPNOTSUPP where this
 * kernel cannot say that there is none, or another -errno.
 */
int netns_hooks(const char *name, struct text *names, struct error *err);

/* True where all these are security modules' (AppArmor, SELinux, Smack), which every
 * namespace has from its first day. */
bool netns_hooks_inborn(const char *names);
/* What an operator can do to be rid of them: one clause. */
const char *netns_hooks_remedy(const char *names);

/*
 * NO-NF's claim, where the kernel has netfilter: -ENOTSUP where that namespace has a
 * hook; err names it and what to do. 0 also without such a namespace, and where the
 * kernel cannot tell.
 */
int netns_hooks_refuse(const char *name, struct error *err);
/* The same of a namespace made for the purpose, as every new one is. */
int netns_hooks_check(struct error *err);

/*
 * The guard: a BPF sk_lookup program (kernel 5.9) attached to the namespace nsfd, which
 * refuses (RST) connections to the proxy's own addresses on the service ports, that
 * would otherwise loop through the proxy, and on proxy_port; link-local ones count as its
 * own. *link_fd is the caller's; closing it detaches. Two may be attached at once: to
 * change ports, attach the new one and then close the old. -EOPNOTSUPP, -EINVAL...: the
 * kernel has none.
 */
int netns_guard_attach(const struct netns_plan *p, int nsfd, int *link_fd,
		       struct error *err);
/* Asks the kernel whether a guard with the plan's addresses and ports is attached. */
int netns_guard_probe(const struct netns_plan *p, enum step_state *state,
		      struct text *detail, struct error *err);
void netns_guard_describe(const struct netns_plan *p, struct text *out);

#endif
