/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tagged UDP as fast as it goes, out by one device; what comes in there, counted. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tc/residence.bpf.h"
#include "tests/bench/packets.bpf.h"
#include "tests/load/argument.h"
#include "tests/load/histogram.h"

_Static_assert(RESIDENCE_BUCKETS == HISTOGRAM_BUCKETS, "one way to cut time");

#define BATCH     32
#define FRAME_MAX 1518
#define PREF      10
#define SCRAMBLE  40503u /* odd: it goes through all flows */
#define CPUS_MAX  1024

enum { STATUS_OK, STATUS_FAILED, STATUS_USAGE, STATUS_LATE };

struct packets_options {
	const char *device, *to;
	uint64_t rules, size, vlan;
	double duration, warmup, at;
	bool help;
};

#define FIELD(name) offsetof(struct packets_options, name)

static const struct argument packets_arguments[] = {
	{ "device", "DEVICE", ARGUMENT_TEXT, FIELD(device), 0, 0,
	  "send out of it, and count what comes in" },
	{ "size", "BYTES", ARGUMENT_COUNT, FIELD(size), 64, FRAME_MAX,
	  "of a frame, its tag included, FCS not (default 78)" },
	{ "vlan", "ID", ARGUMENT_COUNT, FIELD(vlan), 1, 4094, "the tag (default 100)" },
	{ "duration", "S", ARGUMENT_NUMBER, FIELD(duration), 0.001, 3600,
	  "count so long (default 5)" },
	{ "warmup", "S", ARGUMENT_NUMBER, FIELD(warmup), 0, 3600,
	  "send before that (default 0.5)" },
	{ "at", "TIME", ARGUMENT_NUMBER, FIELD(at), 0, 1e12,
	  "begin at this time, in seconds since 1970: both ends then count the\n"
	  "same packets; exit status 3: that was too early (default: now)" },
	{ "rules", "N", ARGUMENT_COUNT, FIELD(rules), 1, PACKETS_FLOWS,
	  "instead: put N rules in BPF on DEVICE's ingress; a power of two" },
	{ "to", "DEVICE", ARGUMENT_TEXT, FIELD(to), 0, 0, "where those rules lead" },
	{ "help", NULL, ARGUMENT_FLAG, FIELD(help), 0, 0, "this text" },
	{ 0 },
};

static const struct argument_table packets_table = {
	.usage = "usage: packets --device DEVICE [OPTION...]\n"
		 "Single-tagged UDP to 128K destinations (10.64.0.0/15) in turn, each "
		 "packet with the\ntime it was sent. Run at both ends, each counts what "
		 "the other sent. JSON on stdout.\n",
	.notes = "",
	.argument = packets_arguments,
};

/* A frame as it is on the wire. */
struct frame {
	struct ethhdr ethernet;
	__be16 vlan, protocol;
	struct iphdr ip;
	struct udphdr udp;
	struct packets_stamp stamp;
	unsigned char rest[FRAME_MAX - 64 + 18];
} __attribute__((packed));

struct sums {
	uint64_t counter[PACKETS_COUNTERS];
	uint64_t bucket[RESIDENCE_BUCKETS];
};

static int complain(const char *what, int error)
{
	fprintf(stderr, "packets: %s: %s\n", what, strerror(error));
	return STATUS_FAILED;
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The object lies beside the program. */
static struct bpf_object *object_open(void)
{
	char path[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

	if (n < 0)
		return NULL;
	libbpf_set_print(NULL);
	snprintf(path + n, sizeof(path) - (size_t)n, ".bpf.o");
	return bpf_object__open_file(path, NULL);
}

static int attach(const struct bpf_object *object, const char *program,
		  unsigned int index)
{
	struct bpf_tc_hook hook = { .sz = sizeof(hook),
				    .ifindex = (int)index,
				    .attach_point = BPF_TC_INGRESS };
	struct bpf_tc_opts opts = {
		.sz = sizeof(opts),
		.handle = 1,
		.priority = PREF,
		.flags = BPF_TC_F_REPLACE,
		.prog_fd = bpf_program__fd(
			bpf_object__find_program_by_name(object, program)),
	};
	int r = bpf_tc_hook_create(&hook);

	return r && r != -EEXIST ? r : bpf_tc_attach(&hook, &opts);
}

static int map_of(const struct bpf_object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

/* ---- rules
 * ------------------------------------------------------------------------------ */

static int rule_place(struct packets_bucket *table, uint32_t address, uint32_t out)
{
	uint32_t at = packets_bucket_of(address);

	for (int try = 0; try < PACKETS_TRIES; try++, at = (at + 1) % PACKETS_BUCKETS) {
		for (int i = 0; i < PACKETS_SLOTS; i++) {
			if (table[at].slot[i].address)
				continue;
			table[at].slot[i].address = address;
			table[at].slot[i].out = out;
			return 0;
		}
	}
	return -ENOSPC;
}

static int rules_fill(const struct bpf_object *object, uint32_t n, uint32_t out)
{
	struct packets_bucket *table = calloc(PACKETS_BUCKETS, sizeof(*table));
	uint32_t *index = calloc(PACKETS_BUCKETS, sizeof(*index));
	struct bpf_map_batch_opts opts = { .sz = sizeof(opts) };
	uint32_t count = PACKETS_BUCKETS;
	int r = 0;

	if (!table || !index)
		abort();
	for (uint32_t i = 0; i < PACKETS_BUCKETS; i++)
		index[i] = i;
	for (uint32_t i = 0; !r && i < n; i++)
		r = rule_place(table, PACKETS_NETWORK + i * (PACKETS_FLOWS / n), out);
	if (!r)
		r = bpf_map_update_batch(map_of(object, "rules"), index, table, &count,
					 &opts);
	free(table);
	free(index);
	return r;
}

static int constants_load(struct bpf_object *object,
			  const struct packets_constants *constants)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	int r = map ? bpf_map__set_initial_value(map, constants, sizeof(*constants))
		    : -ENOENT;

	return r ? r : bpf_object__load(object);
}

static int rules_put(const struct packets_options *o, unsigned int index)
{
	struct packets_constants constants = {
		.rule_mask = 0u - (uint32_t)(PACKETS_FLOWS / o->rules)
	};
	uint64_t begin = clock_ns();
	struct bpf_object *object = object_open();
	unsigned int out;
	int r;

	out = o->to ? if_nametoindex(o->to) : 0;
	if (!out || !object)
		return complain(o->to ? o->to : "--to is missing", errno);
	r = constants_load(object, &constants);
	if (!r)
		r = rules_fill(object, (uint32_t)o->rules, out);
	if (!r)
		r = attach(object, "packets_rules", index);
	bpf_object__close(object); /* what is attached lives on */
	if (r)
		return complain("put the rules in", -r);
	printf("%.6f\n", (double)(clock_ns() - begin) / 1e9);
	return STATUS_OK;
}

/* ---- packets
 * ---------------------------------------------------------------------------- */

static uint16_t checksum(const void *header, size_t n)
{
	const uint16_t *word = header;
	uint32_t sum = 0;

	for (size_t i = 0; i < n / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void frame_fill(struct frame *f, const struct packets_options *o)
{
	size_t ip = o->size - offsetof(struct frame, ip);

	*f = (struct frame){
		.ethernet = { .h_proto = htons(ETH_P_8021Q) },
		.vlan = htons((uint16_t)o->vlan),
		.protocol = htons(ETH_P_IP),
		.ip = { .version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = IPPROTO_UDP,
			.tot_len = htons((uint16_t)ip),
			.saddr = htonl(0x0a010001) },
		.udp = { .source = htons(PACKETS_PORT),
			 .dest = htons(PACKETS_PORT),
			 .len = htons((uint16_t)(ip - sizeof(struct iphdr))) },
		.stamp = { .magic = PACKETS_MAGIC, .size = (uint32_t)o->size },
	};
	memset(f->ethernet.h_dest, 2, ETH_ALEN);
	memset(f->ethernet.h_source, 4, ETH_ALEN);
}

static void frame_address(struct frame *f, uint32_t flow)
{
	f->ip.daddr = htonl(PACKETS_NETWORK + flow * SCRAMBLE % PACKETS_FLOWS);
	f->ip.check = 0;
	f->ip.check = checksum(&f->ip, sizeof(f->ip));
}

static int sums_read(const struct bpf_object *object, struct sums *out)
{
	static const struct {
		const char *map;
		size_t offset;
		uint32_t n;
	} maps[] = { { "counters", offsetof(struct sums, counter), PACKETS_COUNTERS },
		     { "buckets", offsetof(struct sums, bucket), RESIDENCE_BUCKETS } };
	int cpus = libbpf_num_possible_cpus();
	uint64_t each[CPUS_MAX];

	memset(out, 0, sizeof(*out));
	for (size_t m = 0; m < 2; m++) {
		uint64_t *to = (void *)((char *)out + maps[m].offset);

		for (uint32_t i = 0; i < maps[m].n; i++) {
			if (cpus < 1 || cpus > CPUS_MAX ||
			    bpf_map_lookup_elem(map_of(object, maps[m].map), &i, each))
				return errno ? -errno : -E2BIG;
			for (int c = 0; c < cpus; c++)
				to[i] += each[c];
		}
	}
	return 0;
}

struct sender {
	int fd;
	struct frame frame[BATCH];
	struct iovec part[BATCH];
	struct mmsghdr message[BATCH];
	uint32_t flow;
	uint64_t sent;
};

static int sender_open(struct sender *s, const struct packets_options *o,
		       unsigned int index)
{
	static const int on = 1;
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)index };

	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	for (int i = 0; i < BATCH; i++) {
		frame_fill(&s->frame[i], o);
		s->part[i] = (struct iovec){ &s->frame[i], o->size };
		s->message[i].msg_hdr.msg_iov = &s->part[i];
		s->message[i].msg_hdr.msg_iovlen = 1;
	}
	return 0;
}

/* A packet is charged to the socket's send buffer until the other end has counted it: so
 * the sender waits for the blade, and no more than some hundred are on their way.
 */
static void sender_run(struct sender *s, const struct packets_constants *window)
{
	uint64_t now;

	while ((now = clock_ns()) < window->until) {
		int n;

		for (int i = 0; i < BATCH; i++) {
			frame_address(&s->frame[i], s->flow++);
			s->frame[i].stamp.sent = now;
		}
		n = sendmmsg(s->fd, s->message, BATCH, 0);
		if (n > 0 && now >= window->from)
			s->sent += (uint64_t)n;
	}
}

static double percentile_us(const struct sums *sums, double percent)
{
	static struct histogram h;

	memset(&h, 0, sizeof(h));
	h.max = UINT64_MAX;
	for (int i = 0; i < RESIDENCE_BUCKETS; i++) {
		h.bucket[i] = sums->bucket[i];
		h.count += h.bucket[i];
	}
	return h.count ? (double)histogram_percentile(&h, percent) / 1e3 : 0;
}

static void report(const struct packets_options *o, uint64_t sent,
		   const struct sums *sums)
{
	uint64_t n = sums->counter[PACKETS_RECEIVED];
	uint64_t bytes = sums->counter[PACKETS_BYTES];
	uint64_t ns = sums->counter[PACKETS_NANOSECONDS];
	double seconds = o->duration;
	json_t *tree = json_pack("{s:I,s:f,s:I,s:f,s:I,s:f,s:f,s:{s:f,s:f,s:f}}", "size",
				 (json_int_t)o->size, "seconds", seconds, "sent",
				 (json_int_t)sent, "sent_pps", (double)sent / seconds,
				 "received", (json_int_t)n, "pps", (double)n / seconds,
				 "mbps", (double)bytes * 8 / 1e6 / seconds, "latency_us",
				 "mean", n ? (double)ns / (double)n / 1e3 : 0.0, "p50",
				 percentile_us(sums, 50), "p99", percentile_us(sums, 99));

	json_dumpf(tree, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	printf("\n");
	json_decref(tree);
}

/* --at on the clock that packets are stamped with. */
static uint64_t begin_of(const struct packets_options *o)
{
	struct timespec t;
	double wait;

	clock_gettime(CLOCK_REALTIME, &t);
	wait = o->at - (double)t.tv_sec - (double)t.tv_nsec / 1e9;
	if (!(o->at > 0))
		wait = 0;
	return clock_ns() + (uint64_t)(int64_t)(wait * 1e9);
}

static int packets_run(const struct packets_options *o, unsigned int index)
{
	static const struct timespec last = { .tv_nsec = 50 * 1000000 };
	static struct sums sums;
	static struct sender sender;
	struct packets_constants window = { .rule_mask = 0 };
	struct bpf_object *object = object_open();
	int r;

	window.from = begin_of(o) + (uint64_t)(o->warmup * 1e9);
	window.until = window.from + (uint64_t)(o->duration * 1e9);
	r = object ? constants_load(object, &window) : -errno;
	if (!r)
		r = attach(object, "packets_end", index);
	if (!r)
		r = sender_open(&sender, o, index);
	if (r)
		return complain("begin", -r);
	if (clock_ns() > window.from) {
		fprintf(stderr, "packets: not ready when the time began\n");
		return STATUS_LATE;
	}
	sender_run(&sender, &window);
	nanosleep(&last, NULL); /* what is still on its way */
	r = sums_read(object, &sums);
	if (r)
		return complain("read the counters", -r);
	report(o, sender.sent, &sums);
	close(sender.fd);
	bpf_object__close(object);
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	struct packets_options o = {
		.size = 78, .vlan = 100, .duration = 5, .warmup = 0.5
	};
	struct complaint why = { "" };
	unsigned int index;

	if (arguments_parse(&packets_table, argc, argv, &o, &why)) {
		fprintf(stderr, "packets: %s\n", why.msg);
		return STATUS_USAGE;
	}
	if (o.help) {
		arguments_help(&packets_table, stdout);
		return STATUS_OK;
	}
	if (!o.device || (o.rules & (o.rules - 1))) {
		fprintf(stderr, "packets: %s\n",
			o.device ? "--rules: expected a power of two"
				 : "--device is missing: see --help");
		return STATUS_USAGE;
	}
	index = if_nametoindex(o.device);
	if (!index)
		return complain(o.device, errno);
	return o.rules ? rules_put(&o, index) : packets_run(&o, index);
}
