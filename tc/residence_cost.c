/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns measuring what the residence probe itself takes of a packet. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

#include "helpers/statistics.h"
#include "tc/program.h"
#include "tc/residence.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* generated code */
#include "tc/residence.skel.h"
#pragma GCC diagnostic pop

#define REPEAT   100000
#define PAIRS    501
#define LOOPBACK 1 /* the interface that a test run's packets are on */
#define PAYLOAD  1448

struct frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
	unsigned char payload[PAYLOAD];
} __attribute__((packed));

static void frame_fill(struct frame *f)
{
	*f = (struct frame){
		.ethernet = { .h_proto = htons(ETH_P_IP) },
		.ip = { .version = 4,
			.ihl = 5,
			.protocol = IPPROTO_TCP,
			.tot_len = htons(sizeof(*f) - sizeof(f->ethernet)),
			.saddr = htonl(0x0a640001),
			.daddr = htonl(0x0ac80001) },
		.tcp = { .source = htons(40000), .dest = htons(80), .doff = 5 },
	};
	for (size_t i = 0; i < sizeof(f->payload); i++)
		f->payload[i] = (unsigned char)(i * 7);
}

/* The average of so many runs, in nanoseconds. */
static int run(const struct bpf_program *program, const struct frame *frame, int repeat,
	       double *out, struct error *err)
{
	struct bpf_test_run_opts opts = { .sz = sizeof(opts),
					  .data_in = frame,
					  .data_size_in = sizeof(*frame),
					  .repeat = repeat };
	int n = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);

	if (n < 0)
		return error_set(err, -n, "run the probe on a test packet");
	*out = opts.duration;
	return 0;
}

/* Packets of a test run are all on one interface: so one object takes it for the client's
 * side, the other for the server's, and they share the segments.
 */
static int load(int side, const struct residence_bpf *with, struct residence_bpf **out,
		struct error *err)
{
	struct residence_bpf *s;
	int n = 0;

	program_quieten();
	s = residence_bpf__open();
	if (!s)
		return error_set(err, errno, "open residence.bpf.o");
	s->rodata->side_ifindex[side] = LOOPBACK;
	s->rodata->by_flow = true;
	if (with)
		n = bpf_map__reuse_fd(s->maps.segments, bpf_map__fd(with->maps.segments));
	if (!n)
		n = residence_bpf__load(s);
	if (n < 0) {
		residence_bpf__destroy(s);
		return error_set(err, -n, "load the BPF programs of tc/residence");
	}
	*out = s;
	return 0;
}

/* Only a segment that came can leave: so they run by turns, and the median counts. */
static int pairs_run(const struct residence_bpf *in, const struct residence_bpf *leaving,
		     const struct frame *frame, double *out, struct error *err)
{
	double come[PAIRS], leave[PAIRS];
	struct statistics of;

	for (int i = 0; i < PAIRS; i++) {
		int n = run(in->progs.residence_in, frame, 1, &come[i], err);

		if (!n)
			n = run(leaving->progs.residence_out, frame, 1, &leave[i], err);
		if (n < 0)
			return n;
	}
	statistics_of(leave, PAIRS, &of);
	*out = of.median;
	return 0;
}

int residence_cost(struct residence_cost *out, struct error *err)
{
	struct residence_bpf *in = NULL, *leaving = NULL;
	struct frame frame;
	int n;

	frame_fill(&frame);
	n = load(0, NULL, &in, err);
	if (!n)
		n = load(1, in, &leaving, err);
	if (!n)
		n = run(leaving->progs.residence_out, &frame, REPEAT, &out->unknown, err);
	if (!n)
		n = run(in->progs.residence_in, &frame, REPEAT, &out->in, err);
	if (!n)
		n = pairs_run(in, leaving, &frame, &out->out, err);
	residence_bpf__destroy(leaving);
	residence_bpf__destroy(in);
	return n;
}
