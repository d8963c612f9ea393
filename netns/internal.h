/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of netns/ share with each other and with nobody else. */
#ifndef NETNS_INTERNAL_H
#define NETNS_INTERNAL_H

#include <bpf/libbpf.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdint.h>

#include "helpers/error.h"
#include "helpers/netlink.h"
#include "helpers/prefix.h"
#include "helpers/step.h"
#include "helpers/text.h"
#include "netns/netns.h"

extern const char *const netns_side_name[SIDES];
extern const int netns_family_af[FAMILIES];

/* " -6" for `ip -n NAME -6 ...`, or nothing. */
const char *netns_family_option(int family_index);

/* The network that an address lies in: its host bits cleared. */
struct prefix netns_network(const struct prefix *address);

/* A netlink socket in the namespace of that name; *out is the caller's. */
int netns_connect(const char *name, struct netlink **out, struct error *err);
/* The same for probes: *out is NULL and 0 returned where there is no such namespace. */
int netns_connect_probe(const char *name, struct netlink **out, struct error *err);

/* Calls each with every message that the kernel dumps for RTM_GET... and the family. */
int netns_dump(struct netlink *nl, int type, int family,
	       void (*each)(struct nlmsghdr *h, void *arg), void *arg, struct error *err);

/* The interface's index, 0 where there is none of that name; negative on error. */
int netns_ifindex(struct netlink *nl, const char *name, struct error *err);

/* Counts what a probe finds; detail gets one phrase, one line, for each that is wrong. */
struct netns_tally {
	unsigned int right, missing, different;
	struct text *detail;
};

__attribute__((format(printf, 2, 3))) void netns_tally_missing(struct netns_tally *t,
							       const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void netns_tally_different(struct netns_tally *t,
								 const char *fmt, ...);
/* Nothing wrong: present. Nothing right and nothing else in its place: absent. */
enum step_state netns_tally_state(const struct netns_tally *t);

/* True where two sysctl values are the same words, whatever white space lies between. */
bool netns_sysctl_same(const char *a, const char *b);
/* The namespace's own and one side's sysctls: before its device comes up. */
int netns_sysctl_apply_side(const struct netns_plan *p, int side, struct error *err);

/* One rule as hapep adds it. Empty strings and zeroes: not part of the rule. */
struct netns_rule {
	int family;
	uint32_t pref, table, mark, mask;
	char iif[IFNAMSIZ], oif[IFNAMSIZ];
	struct port_range sport, dport; /* of TCP */
};

#define NETNS_RULES_MAX (2 * PORTS_MAX + 7)

/* The rules that the plan wants in that family; returns how many. */
size_t netns_rules(const struct netns_plan *p, int family_index,
		   struct netns_rule out[NETNS_RULES_MAX]);

/* One route as hapep adds it. */
struct netns_route {
	int family;
	unsigned char type, scope; /* RTN_, RT_SCOPE_ */
	uint32_t table, priority;
	struct prefix to;      /* length 0: default */
	struct prefix gateway; /* family 0: none */
	const char *device;    /* borrowed from the plan; NULL: unreachable has none */
	const char *congestion;
	unsigned int initcwnd;
};

#define NETNS_ROUTES_MAX 8

/* The routes that the plan wants in that family; returns how many. */
size_t netns_routes(const struct netns_plan *p, int family_index,
		    struct netns_route out[NETNS_ROUTES_MAX]);

/* As `ip route` takes it; returns text. */
const char *netns_route_format(const struct netns_route *r, char text[256]);

struct guard_wanted;
struct lookup_wanted;

/* Own addresses and service ports; for the guard's program the proxy port, too. */
void netns_service_fill(const struct netns_plan *p, struct guard_wanted *out);
void netns_guard_fill(const struct netns_plan *p, struct guard_wanted *out);

void netns_lookup_fill(const struct netns_plan *p, const unsigned short *taker,
		       unsigned int cpus, unsigned int n, struct lookup_wanted *out);

/* Attaches to the namespace; the link's descriptor, which is the caller's, or -errno. */
int netns_bpf_link(const struct bpf_program *program, int nsfd);
/* libbpf's words go where ours go; the error that a failed load or attachment is. */
__attribute__((format(printf, 2, 0))) int netns_bpf_log(enum libbpf_print_level level,
							const char *fmt, va_list ap);
int netns_bpf_fail(int code, const char *what, struct error *err);

#endif
