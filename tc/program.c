/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns loading tc/redirect, tc/steer and tc/reset, and reading back what is loaded. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"
#include "tc/gate.h"
#include "tc/program.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* generated code */
#include "tc/redirect.skel.h"
#include "tc/reset.skel.h"
#include "tc/steer.skel.h"
#pragma GCC diagnostic pop

_Static_assert(PORTS_MAX <= GATE_PORTS_MAX, "tc/steer knows every service port");

#define VERIFIER_LOG_SIZE (64 << 10) /* bytes */

const char *program_name(enum program_kind kind)
{
	static const char *const names[] = { "hapep_nic", "hapep_host", "hapep_steer",
					     "hapep_reset_in", "hapep_reset_out" };

	return names[kind];
}

const char *program_object(enum program_kind kind)
{
	if (kind == PROGRAM_RESET_IN || kind == PROGRAM_RESET_OUT)
		return "reset.bpf.o";
	return kind == PROGRAM_STEER ? "steer.bpf.o" : "redirect.bpf.o";
}

/* libbpf prints to stderr unless told otherwise; its words belong to the log. */
__attribute__((format(printf, 2, 0))) static int
program_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	if (level != LIBBPF_DEBUG)
		log_debug("%s", line);
	return 0;
}

void program_quieten(void)
{
	libbpf_set_print(program_print);
}

/* The verifier's reason is its last line but the statistics. */
static const char *program_reason(char *log)
{
	char *line, *reason = NULL, *next = log;

	while ((line = strsep(&next, "\n"))) {
		if (*line && strncmp(line, "processed ", 10) && strncmp(line, "-- ", 3))
			reason = line;
	}
	return reason;
}

static int program_failed(enum program_kind kind, int r, char *log, struct error *err)
{
	const char *reason = program_reason(log);

	/* Without it no function but the first may take the packet: EACCES. */
	if (r == -EACCES && access("/sys/kernel/btf/vmlinux", F_OK))
		return error_say(err, EOPNOTSUPP,
				 "the BPF program %s: the kernel has no BTF "
				 "(CONFIG_DEBUG_INFO_BTF)",
				 program_name(kind));
	if (reason)
		return error_set(err, -r,
				 "load the BPF program %s: the verifier says \"%s\"",
				 program_name(kind), reason);
	return error_set(err, -r, "load the BPF program %s", program_name(kind));
}

/* Takes what a loaded object's program is known by out of it, before it is closed. */
static int program_take(const struct program *p, const struct bpf_object *object, int *fd,
			struct program_identity *id, struct error *err)
{
	const struct bpf_program *program =
		bpf_object__find_program_by_name(object, program_name(p->kind));
	struct bpf_prog_info info = { 0 };
	_cleanup_close_ int copy = -1;
	__u32 size = sizeof(info);
	int r = 0;

	copy = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return error_set(err, errno, "keep the BPF program %s",
				 program_name(p->kind));
	if (bpf_obj_get_info_by_fd(copy, &info, &size) < 0)
		return error_set(err, errno, "ask about the BPF program %s",
				 program_name(p->kind));
	if (id)
		r = program_identify(info.id, id, err);
	if (!r)
		*fd = take_fd(copy);
	return r;
}

static int program_load_redirect(const struct program *p,
				 const struct bpf_object_open_opts *opts, int *fd,
				 struct program_identity *id, struct error *err)
{
	struct redirect_bpf *skeleton = redirect_bpf__open_opts(opts);
	int r;

	if (!skeleton)
		return error_set(err, errno, "open %s", program_object(p->kind));
	bpf_program__set_autoload(skeleton->progs.hapep_nic, p->kind == PROGRAM_NIC);
	bpf_program__set_autoload(skeleton->progs.hapep_host, p->kind == PROGRAM_HOST);
	for (int i = 0; i < 2 && p->kind == PROGRAM_NIC; i++) {
		skeleton->rodata->in_vlan[i] = p->vlan[i];
		skeleton->rodata->in_ifindex[i] = p->ifindex[i];
	}
	if (p->kind == PROGRAM_HOST) {
		skeleton->rodata->out_vlan = p->vlan[0];
		skeleton->rodata->out_ifindex = p->ifindex[0];
	}
	r = redirect_bpf__load(skeleton);
	if (r < 0)
		r = program_failed(p->kind, r, opts->kernel_log_buf, err);
	else
		r = program_take(p, skeleton->obj, fd, id, err);
	redirect_bpf__destroy(skeleton);
	return r;
}

/* Takes the map where the skeleton has one of that name and shape; else it has its own.
 */
static void program_inherit_map(struct bpf_object *object, uint32_t id)
{
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(id);
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	struct bpf_map *map;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return;
	map = bpf_object__find_map_by_name(object, info.name);
	if (map && !strncmp(info.name, GATE_MAPS_PREFIX, strlen(GATE_MAPS_PREFIX)) &&
	    bpf_map__value_size(map) == info.value_size)
		bpf_map__reuse_fd(map, fd);
}

static void program_inherit(struct bpf_object *object, uint32_t former)
{
	_cleanup_close_ int fd = former ? bpf_prog_get_fd_by_id(former) : -1;
	uint32_t maps[8] = { 0 };
	struct bpf_prog_info info = { .map_ids = (__u64)(unsigned long)maps,
				      .nr_map_ids = 8 };
	__u32 size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return;
	for (__u32 i = 0; i < info.nr_map_ids && i < 8; i++)
		program_inherit_map(object, maps[i]);
}

/* n of the constants' array become the ranges. */
static __u32 program_ports(const struct ports *from, struct gate_ports *to)
{
	for (size_t i = 0; i < from->n; i++)
		to[i] = (struct gate_ports){ from->range[i].first, from->range[i].last };
	return (__u32)from->n;
}

static int program_load_steer(const struct program *p,
			      const struct bpf_object_open_opts *opts, int *fd,
			      struct program_identity *id, struct error *err)
{
	struct steer_bpf *skeleton = steer_bpf__open_opts(opts);
	int r;

	if (!skeleton)
		return error_set(err, errno, "open %s", program_object(p->kind));
	skeleton->rodata->own_marks = p->own_marks;
	skeleton->rodata->side_mark = p->side_mark;
	skeleton->rodata->local_mark = p->local_mark;
	skeleton->rodata->pass_mark = p->pass_mark;
	skeleton->rodata->server_side = p->server_side;
	skeleton->rodata->fail_closed = p->fail_closed;
	skeleton->rodata->past_ifindex = p->ifindex[0];
	skeleton->rodata->services = program_ports(&p->ports, skeleton->rodata->service);
	skeleton->rodata->leavings =
		program_ports(&p->leaving, skeleton->rodata->leaving);
	program_inherit(skeleton->obj, p->former);
	r = steer_bpf__load(skeleton);
	if (r < 0)
		r = program_failed(p->kind, r, opts->kernel_log_buf, err);
	else
		r = program_take(p, skeleton->obj, fd, id, err);
	steer_bpf__destroy(skeleton);
	return r;
}

/* One of the two, with the other one's map where that is loaded already. */
static int program_load_reset(const struct program *p,
			      const struct bpf_object_open_opts *opts, int *fd,
			      struct program_identity *id, struct error *err)
{
	_cleanup_close_ int map = p->map ? bpf_map_get_fd_by_id(p->map) : -1;
	struct reset_bpf *skeleton = reset_bpf__open_opts(opts);
	int r = 0;

	if (!skeleton)
		return error_set(err, errno, "open %s", program_object(p->kind));
	bpf_program__set_autoload(skeleton->progs.hapep_reset_in,
				  p->kind == PROGRAM_RESET_IN);
	bpf_program__set_autoload(skeleton->progs.hapep_reset_out,
				  p->kind == PROGRAM_RESET_OUT);
	skeleton->rodata->answereds =
		program_ports(&p->ports, skeleton->rodata->answered);
	if (p->map)
		r = map < 0 ? -errno
			    : bpf_map__reuse_fd(skeleton->maps.hapep_resets, map);
	if (r < 0)
		error_set(err, -r, "share the map with id %u", p->map);
	else if ((r = reset_bpf__load(skeleton)) < 0)
		r = program_failed(p->kind, r, opts->kernel_log_buf, err);
	else
		r = program_take(p, skeleton->obj, fd, id, err);
	reset_bpf__destroy(skeleton);
	return r;
}

int program_load(const struct program *p, int *fd, struct program_identity *id,
		 struct error *err)
{
	_cleanup_free_ char *log = memory_new(1, VERIFIER_LOG_SIZE);
	const struct bpf_object_open_opts opts = { .sz = sizeof(opts),
						   .kernel_log_buf = log,
						   .kernel_log_size = VERIFIER_LOG_SIZE };

	program_quieten();
	if (p->kind == PROGRAM_RESET_IN || p->kind == PROGRAM_RESET_OUT)
		return program_load_reset(p, &opts, fd, id, err);
	return p->kind == PROGRAM_STEER ? program_load_steer(p, &opts, fd, id, err)
					: program_load_redirect(p, &opts, fd, id, err);
}

/* Copies the one value of the program's .rodata map, where map is that. */
static int program_read_constants(uint32_t map, struct program_identity *id,
				  struct error *err)
{
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(map);
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	uint32_t key = 0;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return error_set(err, errno, "ask about the constants of %s", id->name);
	if (!strstr(info.name, ".rodata") || info.value_size > sizeof(id->constants))
		return 0;
	if (bpf_map_lookup_elem(fd, &key, id->constants) < 0)
		return error_set(err, errno, "read the constants of %s", id->name);
	id->length = info.value_size;
	return 0;
}

int program_identify(uint32_t number, struct program_identity *id, struct error *err)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(number);
	struct bpf_prog_info info = { 0 };
	uint32_t maps[8] = { 0 };
	__u32 size = sizeof(info);
	int r = 0;

	info.map_ids = (__u64)(unsigned long)maps;
	info.nr_map_ids = sizeof(maps) / sizeof(maps[0]);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return error_set(err, errno, "ask about the BPF program with id %u",
				 number);
	memset(id, 0, sizeof(*id));
	snprintf(id->name, sizeof(id->name), "%s", info.name);
	memcpy(id->tag, info.tag, sizeof(id->tag));
	for (__u32 i = 0; i < info.nr_map_ids && i < sizeof(maps) / sizeof(maps[0]) && !r;
	     i++)
		r = program_read_constants(maps[i], id, err);
	return r;
}

static bool program_map_is(uint32_t id, const char *name)
{
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(id);
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
	       !strcmp(info.name, name);
}

int program_map(uint32_t number, uint32_t *map, struct error *err)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(number);
	uint32_t maps[8] = { 0 }; /* the constants are one */
	struct bpf_prog_info info = { .map_ids = (__u64)(unsigned long)maps,
				      .nr_map_ids = 8 };
	__u32 size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return error_set(err, errno, "ask about the BPF program with id %u",
				 number);
	for (__u32 i = 0; i < info.nr_map_ids && i < 8; i++) {
		if (!program_map_is(maps[i], "hapep_resets"))
			continue;
		*map = maps[i];
		return 0;
	}
	return error_say(err, ENOENT, "the BPF program with id %u is not tc/reset's",
			 number);
}

bool program_identity_equal(const struct program_identity *a,
			    const struct program_identity *b)
{
	return !strcmp(a->name, b->name) && !memcmp(a->tag, b->tag, sizeof(a->tag)) &&
	       a->length == b->length && !memcmp(a->constants, b->constants, a->length);
}
