/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns counting the connections that are accepted on the core that received them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "haproxy/haproxy.h"
#include "haproxy/locality.h"
#include "haproxy/locality.skel.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

struct haproxy_locality {
	struct locality_bpf *skel;
	unsigned int cpus; /* possible ones: values that a read has */
};

static int locality_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL;

	(void)level;
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	if (text) {
		text[strcspn(text, "\n")] = '\0';
		log_debug("libbpf: %s", text);
	}
	return 0;
}

/* 0, or a positive errno. */
static int locality_load(struct haproxy_locality *l, unsigned int netns)
{
	int r;

	l->skel = locality_bpf__open();
	if (!l->skel)
		return errno;
	l->skel->rodata->wanted_netns = netns;
	r = locality_bpf__load(l->skel);
	return -(r ? r : locality_bpf__attach(l->skel));
}

int haproxy_locality_open(int nsfd, struct haproxy_locality **out, struct error *err)
{
	libbpf_print_fn_t before = libbpf_set_print(locality_log);
	struct haproxy_locality *l = memory_new(1, sizeof(*l));
	int cpus = libbpf_num_possible_cpus(), code;
	struct stat st;

	l->cpus = cpus > 0 ? (unsigned int)cpus : 0;
	code = fstat(nsfd, &st) < 0 ? errno : locality_load(l, (unsigned int)st.st_ino);
	libbpf_set_print(before);
	if (code) {
		haproxy_locality_close(l);
		return error_say(err, EOPNOTSUPP,
				 "the kernel cannot count accepted connections by core: "
				 "it takes CONFIG_BPF_EVENTS, CONFIG_DEBUG_INFO_BTF and "
				 "5.17 (%s)",
				 strerror(code));
	}
	*out = l;
	return 0;
}

void haproxy_locality_close(struct haproxy_locality *l)
{
	if (!l)
		return;
	locality_bpf__destroy(l->skel);
	free(l);
}

int haproxy_locality_read(const struct haproxy_locality *l, struct haproxy_accepts *out,
			  unsigned int n, struct error *err)
{
	_cleanup_free_ struct locality_counts *all = memory_new(l->cpus, sizeof(*all));
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(l->skel->maps.counts), &zero, all) < 0)
		return error_set(err, errno, "read the counters of accepted connections");
	for (unsigned int cpu = 0; cpu < n; cpu++)
		out[cpu] = cpu < l->cpus ? (struct haproxy_accepts){ all[cpu].accepted,
								     all[cpu].local }
					 : (struct haproxy_accepts){ 0 };
	return 0;
}
