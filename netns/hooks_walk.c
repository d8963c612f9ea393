/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading a namespace's netfilter hooks from the kernel's tables, by BPF. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "netns/hooks.h"
#include "netns/hooks.skel.h"
#include "netns/internal.h"

static void walk_cleanup(struct hooks_bpf **skel)
{
	hooks_bpf__destroy(*skel);
}
#define _cleanup_walk_ __attribute__((cleanup(walk_cleanup)))

static int walk_open(void *arg, struct error *err)
{
	const struct bpf_link *link = arg;
	int fd = bpf_iter_create(bpf_link__fd(link));

	return fd < 0 ? error_set(err, errno, "walk the netfilter hooks") : fd;
}

/* One function's name a line, the module that it is of beside it. */
static int walk_read(int fd, struct text *names, struct error *err)
{
	_cleanup_fclose_ FILE *f = fdopen(fd, "r");
	bool whole = false;
	char line[256];
	int n = 0;

	if (!f) {
		close(fd);
		return error_set(err, errno, "read the netfilter hooks");
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, " \n")] = '\0';
		whole = !strcmp(line, HOOKS_END);
		if (whole)
			break;
		hooks_name(line, names);
		n++;
	}
	if (!whole && !n)
		return error_say(err, EOPNOTSUPP,
				 "reading the netfilter hooks by BPF ended half-way");
	return n;
}

int hooks_walk(int nsfd, struct text *names, struct error *err)
{
	_cleanup_walk_ struct hooks_bpf *skel = NULL;
	libbpf_print_fn_t before = libbpf_set_print(netns_bpf_log);
	struct bpf_link *link = NULL;
	int fd;

	skel = hooks_bpf__open_and_load();
	if (skel)
		link = bpf_program__attach_iter(skel->progs.netns_hooks_walk, NULL);
	libbpf_set_print(before);
	if (!link)
		return error_say(err, EOPNOTSUPP,
				 "the kernel lacks BPF iterators with its BTF (5.8, "
				 "CONFIG_DEBUG_INFO_BTF; -v shows libbpf's words)");
	/* Which namespace's it walks is settled by where it is opened. */
	fd = namespace_call(nsfd, walk_open, link, err);
	bpf_link__destroy(link);
	return fd < 0 ? fd : walk_read(fd, names, err);
}
