/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The witnesses that netns/hooks.c asks for a namespace's netfilter hooks. */
#ifndef NETNS_HOOKS_H
#define NETNS_HOOKS_H

/* What netns/hooks.bpf.c prints once it has seen all: no function's name. */
#define HOOKS_END     "(end)"
#define HOOKS_DEVICES 64 /* of a namespace, at most */

#ifndef __bpf__
#include "helpers/error.h"
#include "helpers/text.h"

/* Adds a hook's function to names, separated by ", ", each but once. */
void hooks_name(const char *function, struct text *names);

/*
 * Add the functions on the hooks of namespace nsfd to names and return how many hooks
 * there are, or -EOPNOTSUPP with what the kernel lacks, or another -errno.
 * By the kernel's list: 5.14, CONFIG_NETFILTER_NETLINK_HOOK.
 */
int hooks_list(int nsfd, struct text *names, struct error *err);
/* By a BPF iterator that reads the kernel's tables: 5.8, CONFIG_DEBUG_INFO_BTF. */
int hooks_walk(int nsfd, struct text *names, struct error *err);
#endif

#endif
