/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the stream of `packets`: its frames, sent in batches, and what of it is counted.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <jansson.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tc/residence.bpf.h"
#include "tests/bench/packets.h"
#include "tests/load/histogram.h"

_Static_assert(RESIDENCE_BUCKETS == HISTOGRAM_BUCKETS, "one way to cut time");

#define BATCH    32
#define SCRAMBLE 40503u /* odd: it goes through all flows */
#define CPUS_MAX 1024

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
			    bpf_map_lookup_elem(packets_map(object, maps[m].map), &i,
						each))
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

	while ((now = packets_clock()) < window->until) {
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
	return packets_clock() + (uint64_t)(int64_t)(wait * 1e9);
}

int packets_stream(const struct packets_options *o, unsigned int index)
{
	static const struct timespec last = { .tv_nsec = 50 * 1000000 };
	static struct sums sums;
	static struct sender sender;
	struct packets_constants window = { .rule_mask = 0 };
	struct bpf_object *object = packets_open();
	int r;

	window.from = begin_of(o) + (uint64_t)(o->warmup * 1e9);
	window.until = window.from + (uint64_t)(o->duration * 1e9);
	r = object ? packets_load(object, &window) : -errno;
	if (!r)
		r = packets_attach(object, "packets_end", index);
	if (!r)
		r = sender_open(&sender, o, index);
	if (r)
		return packets_complain("begin", -r);
	if (packets_clock() > window.from) {
		fprintf(stderr, "packets: not ready when the time began\n");
		return STATUS_LATE;
	}
	sender_run(&sender, &window);
	nanosleep(&last, NULL); /* what is still on its way */
	r = sums_read(object, &sums);
	if (r)
		return packets_complain("read the counters", -r);
	report(o, sender.sent, &sums);
	close(sender.fd);
	bpf_object__close(object);
	return STATUS_OK;
}
