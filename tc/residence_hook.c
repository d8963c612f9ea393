/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns putting the residence probe on the NICs and taking it away, with its process. */
#include "tc/residence_hook.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/namespace.h"
#include "tc/numbers.h"

/* Of linux/bpf.h from 6.6 on; Debian 12's headers are 6.1's. */
#define TCX_INGRESS 46
#define TCX_EGRESS  47

static bool same_nic(const struct residence_hooks *h, int nic)
{
	return nic && h->ifindex[1] == h->ifindex[0];
}

static void links_close(struct residence_hooks *h)
{
	for (int i = 0; i < 2; i++) {
		cleanup_close(&h->link[i][0]);
		cleanup_close(&h->link[i][1]);
	}
}

/* 0, or -errno where this kernel has no tcx, or does not let us. */
static int links_open(struct residence_hooks *h)
{
	static const int place[] = { TCX_INGRESS, TCX_EGRESS };

	for (int i = 0; i < 2 && !same_nic(h, i); i++) {
		for (int egress = 0; egress < 2; egress++) {
			int fd = bpf_link_create(h->program[egress], (int)h->ifindex[i],
						 (enum bpf_attach_type)place[egress],
						 NULL);

			if (fd < 0) {
				links_close(h);
				return fd;
			}
			h->link[i][egress] = fd;
		}
	}
	return 0;
}

static struct bpf_tc_hook hook_of(const struct residence_hooks *h, int nic,
				  enum bpf_tc_attach_point point)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook),
				     .ifindex = (int)h->ifindex[nic],
				     .attach_point = point };
}

static int filter_attach(const struct residence_hooks *h, int nic, bool egress,
			 struct error *err)
{
	struct bpf_tc_hook hook =
		hook_of(h, nic, egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	struct bpf_tc_opts opts = { .sz = sizeof(opts),
				    .handle = NUMBERS_HANDLE,
				    .priority = NUMBERS_PREF_RESIDENCE,
				    .flags = BPF_TC_F_REPLACE,
				    .prog_fd = h->program[egress] };
	int n = bpf_tc_attach(&hook, &opts);

	return n < 0 ? error_set(err, -n, "put the probe on %s of %s",
				 egress ? "egress" : "ingress", h->nic[nic])
		     : 0;
}

static int filters_attach(struct residence_hooks *h, struct error *err)
{
	for (int i = 0; i < 2 && !same_nic(h, i); i++) {
		struct bpf_tc_hook hook = hook_of(h, i, BPF_TC_INGRESS | BPF_TC_EGRESS);
		int n = bpf_tc_hook_create(&hook);

		if (n < 0 && n != -EEXIST)
			return error_set(err, -n, "make a clsact qdisc on %s", h->nic[i]);
		h->made[i] = !n;
		h->attached[i] = true;
		n = filter_attach(h, i, false, err);
		if (!n)
			n = filter_attach(h, i, true, err);
		if (n < 0)
			return n;
	}
	return 0;
}

/* In the namespace. */
static int filters_detach(void *arg, struct error *err)
{
	struct residence_hooks *h = arg;
	int worst = 0;

	for (int i = 0; i < 2; i++) {
		struct bpf_tc_hook whole = hook_of(h, i, BPF_TC_INGRESS | BPF_TC_EGRESS);

		for (int egress = 0; egress < 2 && h->attached[i]; egress++) {
			struct bpf_tc_hook hook =
				hook_of(h, i, egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
			struct bpf_tc_opts opts = { .sz = sizeof(opts),
						    .handle = NUMBERS_HANDLE,
						    .priority = NUMBERS_PREF_RESIDENCE };
			int n = bpf_tc_detach(&hook, &opts);

			if (n < 0 && n != -ENOENT && n != -ENODEV && n != -EINVAL)
				worst = error_set(err, -n, "take the probe from %s",
						  h->nic[i]);
		}
		if (h->made[i])
			(void)bpf_tc_hook_destroy(&whole);
	}
	return worst;
}

/* The guard's whole life: nothing of this process's but the pipe and what it removes. */
static void guard_wait(struct residence_hooks *h, int alive)
{
	static const int deaf[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct error ignored = { 0 };
	char byte;

	setsid();
	for (size_t i = 0; i < sizeof(deaf) / sizeof(deaf[0]); i++)
		signal(deaf[i], SIG_IGN);
	/* Whoever reads what top writes must see its end. */
	for (int fd = 0; fd <= STDERR_FILENO && null >= 0; fd++)
		dup2(null, fd);
	while (read(alive, &byte, 1) < 0 && errno == EINTR)
		;
	namespace_call(h->nsfd, filters_detach, h, &ignored);
	_exit(0);
}

static int guard_start(struct residence_hooks *h, struct error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	h->guard = fork();
	if (!h->guard) {
		close(ends[1]);
		guard_wait(h, ends[0]);
	}
	close(ends[0]);
	if (h->guard < 0) {
		close(ends[1]);
		return error_set(err, errno, "start the probe's guard");
	}
	h->alive = ends[1];
	return 0;
}

/* In the namespace. */
static int hooks_attach(void *arg, struct error *err)
{
	struct residence_hooks *h = arg;
	int n = h->filters ? -EOPNOTSUPP : links_open(h);

	if (!n)
		return 0;
	log_debug("no tcx for the residence probe (error %d): filters of tc instead", -n);
	return filters_attach(h, err);
}

int residence_attach(struct residence_hooks *h, struct error *err)
{
	int r;

	h->alive = h->link[0][0] = h->link[0][1] = h->link[1][0] = h->link[1][1] = -1;
	h->guard = 0;
	r = namespace_call(h->nsfd, hooks_attach, h, err);
	return r < 0 || !h->attached[0] ? r : guard_start(h, err);
}

int residence_detach(struct residence_hooks *h, struct error *err)
{
	int r = namespace_call(h->nsfd, filters_detach, h, err);

	links_close(h);
	cleanup_close(&h->alive);
	while (h->guard > 0 && waitpid(h->guard, NULL, 0) < 0 && errno == EINTR)
		;
	h->guard = 0;
	return r;
}
