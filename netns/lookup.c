/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the sk_lookup program that maps the service ports to the listening sockets. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "netns/guard.h"
#include "netns/internal.h"
#include "netns/lookup.skel.h"

#define LOOKUP_NOUN "the program that maps the service ports"

static void lookup_cleanup(struct lookup_bpf **skel)
{
	lookup_bpf__destroy(*skel);
}
#define _cleanup_lookup_ __attribute__((cleanup(lookup_cleanup)))

/* A CPU of which taker says nothing takes slot CPU % n, as haproxy's own choice does. */
void netns_lookup_fill(const struct netns_plan *p, const unsigned short *taker,
		       unsigned int cpus, unsigned int n, struct lookup_wanted *out)
{
	memset(out, 0, sizeof(*out));
	netns_service_fill(p, &out->service);
	out->slots = n;
	out->by_cpu = taker != NULL;
	for (unsigned int i = 0; i < LOOKUP_CPUS && taker; i++)
		out->slot_of_cpu[i] = i < cpus ? taker[i] : (__u16)(i % n);
}

static int lookup_sockets(const struct lookup_bpf *skel, const int *fd, unsigned int n)
{
	int map = bpf_map__fd(skel->maps.sockets);

	for (__u32 i = 0; i < n; i++) {
		__u64 value = (__u64)fd[i];

		if (bpf_map_update_elem(map, &i, &value, BPF_ANY) < 0)
			return errno;
	}
	return 0;
}

/* 0 and *link_fd, or a positive errno. */
static int lookup_load(const struct lookup_wanted *wanted, int nsfd, const int *fd,
		       int *link_fd)
{
	_cleanup_lookup_ struct lookup_bpf *skel = lookup_bpf__open();
	int code, link;

	if (!skel)
		return errno;
	memcpy(&skel->rodata->wanted, wanted, sizeof(*wanted));
	code = -bpf_map__set_max_entries(skel->maps.sockets, wanted->slots);
	if (!code)
		code = -lookup_bpf__load(skel);
	if (!code)
		code = lookup_sockets(skel, fd, wanted->slots);
	if (code)
		return code;
	if (*link_fd >= 0)
		return -bpf_link_update(*link_fd,
					bpf_program__fd(skel->progs.netns_lookup), NULL);
	link = netns_bpf_link(skel->progs.netns_lookup, nsfd);
	if (link < 0)
		return -link;
	*link_fd = link;
	return 0;
}

int netns_lookup_attach(const struct netns_plan *p, int nsfd, const int *fd,
			const unsigned short *taker, unsigned int cpus, unsigned int n,
			int *link_fd, struct error *err)
{
	libbpf_print_fn_t before = libbpf_set_print(netns_bpf_log);
	struct lookup_wanted wanted;
	int code;

	netns_lookup_fill(p, taker, cpus, n, &wanted);
	code = n && n <= LOOKUP_SLOTS ? lookup_load(&wanted, nsfd, fd, link_fd) : EINVAL;
	libbpf_set_print(before);
	return code ? netns_bpf_fail(code, LOOKUP_NOUN, err) : 0;
}

static int lookup_listen(void *arg, struct error *err)
{
	int *fd = arg;

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || listen(*fd, 1) < 0)
		return error_set(err, errno, "listen in a namespace made to try in");
	return 0;
}

int netns_lookup_check(const struct netns_plan *p, struct error *err)
{
	_cleanup_close_ int nsfd = namespace_new(err);
	_cleanup_close_ int fd = -1, link = -1;
	int r;

	if (nsfd < 0)
		return nsfd;
	r = namespace_call(nsfd, lookup_listen, &fd, err);
	return r < 0 ? r : netns_lookup_attach(p, nsfd, &fd, NULL, 0, 1, &link, err);
}

void netns_lookup_describe(const struct netns_plan *p, struct text *out)
{
	char ports[PORTS_TEXT_SIZE];

	text_line(
		out,
		"# a BPF sk_lookup program on network namespace '%s' gives TCP ports %s "
		"to those sockets; held by the supervisor (bpftool link show)",
		p->name, ports_format(&p->ports, ports, sizeof(ports)));
}
