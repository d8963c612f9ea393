/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the program `packets`: its options, its BPF object, rules, the stream. */
#ifndef TESTS_BENCH_PACKETS_H
#define TESTS_BENCH_PACKETS_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/packets.bpf.h"

#define FRAME_MAX    1518
#define PACKETS_PREF 10 /* of its filters */

enum { STATUS_OK, STATUS_FAILED, STATUS_USAGE, STATUS_LATE };

struct packets_options {
	const char *device, *to;
	uint64_t rules, size, vlan;
	double duration, warmup, at;
	bool mirred, help;
};

/* Prints it on standard error; STATUS_FAILED. */
int packets_complain(const char *what, int error);
/* Nanoseconds of the monotonic clock, which packets are stamped with. */
uint64_t packets_clock(void);

/* The object that lies beside the program; NULL with errno. bpf_object__close it. */
struct bpf_object *packets_open(void);
/* Loads it with these constants. 0 or -errno. */
int packets_load(struct bpf_object *object, const struct packets_constants *constants);
/* Puts a program of it on a device's ingress, for good. 0 or -errno. */
int packets_attach(const struct bpf_object *object, const char *program,
		   unsigned int index);
/* Puts it there as a classifier whose packets act_mirred redirects. 0 or -errno. */
int packets_mirred(const struct bpf_object *object, const char *program,
		   unsigned int index, unsigned int to);
/* The descriptor of a map of it. */
int packets_map(const struct bpf_object *object, const char *name);

/* --rules: puts them on the device and prints how long that took. A status. */
int packets_rules(const struct packets_options *o, unsigned int index);
/* Else: sends out of the device, counts what comes in, prints both. A status. */
int packets_stream(const struct packets_options *o, unsigned int index);

#endif
