/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One tc filter of hapep's: what is wanted, making it so, comparing, words for it. */
#ifndef TC_FILTER_H
#define TC_FILTER_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helpers/error.h"
#include "helpers/netlink.h"
#include "helpers/step.h"
#include "helpers/text.h"
#include "tc/program.h"
#include "tc/seen.h"

enum filter_kind { FILTER_FLOWER, FILTER_MATCHALL, FILTER_BPF };
enum filter_action { FILTER_REDIRECT, FILTER_POP, FILTER_PUSH };

struct filter {
	char dev[IFNAMSIZ];
	int ifindex;
	bool egress;
	unsigned int pref;
	unsigned int protocol; /* ETH_P_*, host order */
	uint32_t handle;
	uint32_t parent; /* 0: the hook's own name */
	enum filter_kind kind;
	unsigned int vlan; /* FLOWER: the id matched; POP and PUSH: the tag's */
	/* flower's and matchall's one action; a BPF program acts by itself */
	enum filter_action action;
	/* REDIRECT: to whose egress, [0]; a BPF program's: for each side */
	char target[2][IFNAMSIZ];
	int target_ifindex;
	struct program program; /* BPF */
};

const char *filter_kind_name(enum filter_kind kind);

/*
 * Adds each of the n filters that is not there as wanted, replaces those that are
 * hapep's (pref, handle, kind) but differ, and leaves the rest alone. -EEXIST: somebody
 * else's filter has the pref.
 */
int filters_apply(struct netlink *nl, const struct filter *f, size_t n,
		  struct error *err);

/* PRESENT: all there as wanted; ABSENT: none; DIFFERS: detail has a line for each. */
int filters_probe(struct netlink *nl, const struct filter *f, size_t n,
		  enum step_state *state, struct text *detail, struct error *err);

/* Deletes the filter with this handle; one that is gone is success. */
int filter_delete(struct netlink *nl, const char *dev, const struct seen *s,
		  struct error *err);

/*
 * The tc line that does the same, with "-n NETNS" where netns is not NULL. BPF comes as
 * a comment, since tc cannot set a program's constants.
 */
void filter_describe(const struct filter *f, const char *netns, struct text *out);

/* Adds it, or puts it in the place of the one with its handle, without a gap. The kernel
 * cannot replace a matchall: that one is deleted first. */
int filter_put(struct netlink *nl, const struct filter *f, bool replace,
	       struct error *err);

/*
 * Finds the filter that f became: same pref, protocol, handle and kind; its handle is 0
 * where there is none. -EEXIST: somebody else's filter has the pref.
 */
int filter_find(struct netlink *nl, const struct filter *f, struct seen *found,
		struct error *err);

/* True where s is not as wanted; detail (may be NULL) gets a line that says how. */
bool filter_differs(const struct filter *f, const struct seen *s, struct text *detail);

#endif
