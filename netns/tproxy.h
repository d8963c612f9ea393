/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engines that write NF-IPT's rules, each in the caller's network namespace. */
#ifndef NETNS_TPROXY_H
#define NETNS_TPROXY_H

#include "helpers/error.h"
#include "helpers/text.h"
#include "netns/netns.h"

/*
 * The rule names a loopback address beside the port. Left out, the kernel would take the
 * incoming veth's own, and the guard could not tell such a lookup from somebody's
 * connection to the proxy's own address and port.
 */
#define TPROXY_TO_IPV4 "127.0.0.1"
#define TPROXY_TO_IPV6 "::1"

struct tproxy_engine {
	const char *name, *needs;
	/* Which of several sets of programs to try, NULL-terminated. */
	const char *const *variants;
	/* Makes the rules; what is there of the same kind is replaced in one go. */
	int (*load)(const char *variant, const struct netns_plan *p, const char *old,
		    struct error *err);
	/* Adds one line for each rule there is. */
	int (*list)(const char *variant, struct text *out, struct error *err);
	/* Removes those of the lines that are there. */
	int (*remove)(const char *variant, const char *lines, struct error *err);
	void (*describe)(const struct netns_plan *p, struct text *out);
	bool alone; /* all that is listed is hapep's */
};

extern const struct tproxy_engine tproxy_nft, tproxy_iptables;

/*
 * Adds "nftables table inet x" to names for each chain on a hook that nftables has in the
 * caller's namespace; returns how many such chains there are, 0 where it cannot tell.
 */
int tproxy_nft_hooks(struct text *names);

/*
 * iptables-nft leaves the chains on their hooks that it made for its rules: deletes those
 * of raw and mangle that have no rule left, in the caller's namespace. What iptables of
 * old registers goes with the namespace alone.
 */
void tproxy_nft_prune(void);

/* Whether `line` (of n bytes) is one of `lines`. */
bool tproxy_has_line(const char *lines, const char *line, size_t n);

#endif
