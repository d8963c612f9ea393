/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the guard: a sk_lookup program on the namespace, its loading and its finding. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"
#include "netns/guard.h"
#include "netns/guard.skel.h"
#include "netns/internal.h"

_Static_assert(GUARD_RANGES == PORTS_MAX + 1, "the guard holds all ports");

/* What a probe looks for: the program's name, and what one of its maps starts with. */
struct sought {
	const char *program, *noun;
	struct guard_wanted wanted;
};

static void guard_cleanup(struct guard_bpf **skel)
{
	guard_bpf__destroy(*skel);
}
#define _cleanup_guard_ __attribute__((cleanup(guard_cleanup)))

void netns_service_fill(const struct netns_plan *p, struct guard_wanted *out)
{
	memset(out, 0, sizeof(*out));
	for (int side = 0; side < SIDES; side++) {
		const struct prefix *a = p->side[side].address;

		if (a[FAMILY_IPV4].family)
			memcpy(&out->ipv4[side], a[FAMILY_IPV4].bytes, 4);
		if (a[FAMILY_IPV6].family)
			memcpy(out->ipv6[side], a[FAMILY_IPV6].bytes, 16);
	}
	out->ranges = (__u32)p->ports.n;
	for (size_t i = 0; i < p->ports.n; i++)
		out->range[i] = (struct guard_range){ p->ports.range[i].first,
						      p->ports.range[i].last };
}

void netns_guard_fill(const struct netns_plan *p, struct guard_wanted *out)
{
	netns_service_fill(p, out);
	if (p->proxy_port)
		out->range[out->ranges++] =
			(struct guard_range){ p->proxy_port, p->proxy_port };
}

/* libbpf's words go where ours go. */
int netns_bpf_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];

	(void)level;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	log_debug("%s", line);
	return 0;
}

int netns_bpf_fail(int code, const char *what, struct error *err)
{
	if (code == EPERM || code == EACCES)
		return error_set(err, code,
				 "attach %s: loading a BPF sk_lookup program takes "
				 "CAP_BPF and CAP_NET_ADMIN (root)",
				 what);
	return error_set(
		err, code,
		"attach %s: it needs BPF sk_lookup (kernel 5.9, "
		"CONFIG_BPF_SYSCALL and CONFIG_INET); -v shows the verifier's words",
		what);
}

int netns_bpf_link(const struct bpf_program *program, int nsfd)
{
	struct bpf_link *link = bpf_program__attach_netns(program, nsfd);
	int fd;

	if (!link)
		return -errno;
	fd = fcntl(bpf_link__fd(link), F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		fd = -errno;
	bpf_link__destroy(link);
	return fd;
}

int netns_guard_attach(const struct netns_plan *p, int nsfd, int *link_fd,
		       struct error *err)
{
	_cleanup_guard_ struct guard_bpf *skel = NULL;
	libbpf_print_fn_t before = libbpf_set_print(netns_bpf_log);
	struct guard_wanted wanted;
	int fd = -1, code = 0;

	netns_guard_fill(p, &wanted);
	skel = guard_bpf__open();
	if (!skel) {
		code = errno;
	} else {
		memcpy(&skel->rodata->wanted, &wanted, sizeof(wanted));
		code = -guard_bpf__load(skel);
	}
	if (!code) {
		fd = netns_bpf_link(skel->progs.netns_guard, nsfd);
		code = fd < 0 ? -fd : 0;
	}
	libbpf_set_print(before);
	if (code)
		return netns_bpf_fail(code, "the guard", err);
	*link_fd = fd;
	return 0;
}

/* True where that map holds, in its first entry, what the plan wants. */
static bool guard_map_same(__u32 id, const struct guard_wanted *wanted)
{
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(id);
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info), zero = 0;
	_cleanup_free_ char *value = NULL;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0 ||
	    info.value_size < sizeof(*wanted))
		return false;
	value = memory_new(1, info.value_size);
	return !bpf_map_lookup_elem(fd, &zero, value) &&
	       !memcmp(value, wanted, sizeof(*wanted));
}

/* Whether the program is that one (else 0), and if so whether it is as wanted. */
static int sought_program(__u32 id, const struct sought *w, bool *same)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info), maps[8] = { 0 };

	info.nr_map_ids = 8;
	info.map_ids = (__u64)(unsigned long)maps;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0 ||
	    strcmp(info.name, w->program))
		return 0;
	*same = false;
	for (__u32 i = 0; i < info.nr_map_ids && i < 8; i++)
		*same = *same || guard_map_same(maps[i], &w->wanted);
	return 1;
}

/* The same for a link: it must be a sk_lookup one of that namespace. */
static int sought_link(__u32 id, ino_t netns, const struct sought *w, bool *same)
{
	_cleanup_close_ int fd = bpf_link_get_fd_by_id(id);
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0 ||
	    info.type != BPF_LINK_TYPE_NETNS || info.netns.netns_ino != netns ||
	    info.netns.attach_type != BPF_SK_LOOKUP)
		return 0;
	return sought_program(info.prog_id, w, same);
}

static int sought_find(ino_t netns, const struct sought *w, struct netns_tally *t,
		       struct error *err)
{
	unsigned int others = 0;
	__u32 id = 0;
	bool same;

	while (!bpf_link_get_next_id(id, &id)) {
		if (!sought_link(id, netns, w, &same))
			continue;
		t->right += same;
		others += !same;
	}
	if (errno != ENOENT)
		return error_set(err, errno, "list the BPF links");
	/* Beside the right one: that of listeners which are about to go, or to come. */
	if (others && !t->right)
		netns_tally_different(t, "%s holds other addresses or ports", w->noun);
	return 0;
}

static int sought_probe(const struct netns_plan *p, const struct sought *w,
			enum step_state *state, struct text *detail, struct error *err)
{
	_cleanup_close_ int nsfd = namespace_open(p->name, err);
	struct netns_tally t = { .detail = detail };
	struct stat st;
	int r;

	*state = STEP_ABSENT;
	if (nsfd < 0)
		return nsfd == -ENOENT || nsfd == -ESTALE ? 0 : nsfd;
	if (fstat(nsfd, &st) < 0)
		return error_set(err, errno, "look at network namespace '%s'", p->name);
	r = sought_find(st.st_ino, w, &t, err);
	if (r < 0)
		return r;
	if (!t.right && !t.different)
		netns_tally_missing(&t, "%s is not attached", w->noun);
	*state = netns_tally_state(&t);
	return 0;
}

int netns_guard_probe(const struct netns_plan *p, enum step_state *state,
		      struct text *detail, struct error *err)
{
	struct sought w = { .program = "netns_guard", .noun = "the guard" };

	netns_guard_fill(p, &w.wanted);
	return sought_probe(p, &w, state, detail, err);
}

int netns_lookup_probe(const struct netns_plan *p, enum step_state *state,
		       struct text *detail, struct error *err)
{
	struct sought w = { .program = "netns_lookup",
			    .noun = "the program that maps the service ports" };

	netns_service_fill(p, &w.wanted);
	return sought_probe(p, &w, state, detail, err);
}

void netns_guard_describe(const struct netns_plan *p, struct text *out)
{
	text_line(
		out,
		"# no command line does it: a BPF sk_lookup program on network namespace "
		"'%s', held by the supervisor (bpftool link show)",
		p->name);
}
