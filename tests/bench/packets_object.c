/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the BPF object of `packets`: found, loaded, attached. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/packets.h"

/* The object lies beside the program. */
struct bpf_object *packets_open(void)
{
	char path[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

	if (n < 0)
		return NULL;
	libbpf_set_print(NULL);
	snprintf(path + n, sizeof(path) - (size_t)n, ".bpf.o");
	return bpf_object__open_file(path, NULL);
}

int packets_load(struct bpf_object *object, const struct packets_constants *constants)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	int r = map ? bpf_map__set_initial_value(map, constants, sizeof(*constants))
		    : -ENOENT;

	return r ? r : bpf_object__load(object);
}

int packets_attach(const struct bpf_object *object, const char *program,
		   unsigned int index)
{
	struct bpf_tc_hook hook = { .sz = sizeof(hook),
				    .ifindex = (int)index,
				    .attach_point = BPF_TC_INGRESS };
	struct bpf_tc_opts opts = {
		.sz = sizeof(opts),
		.handle = 1,
		.priority = PACKETS_PREF,
		.flags = BPF_TC_F_REPLACE,
		.prog_fd = bpf_program__fd(
			bpf_object__find_program_by_name(object, program)),
	};
	int r = bpf_tc_hook_create(&hook);

	return r && r != -EEXIST ? r : bpf_tc_attach(&hook, &opts);
}

int packets_map(const struct bpf_object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}
