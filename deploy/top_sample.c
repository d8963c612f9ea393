/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading a blade's counters: cores, queues, interrupts, instances. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "deploy/state.h"
#include "deploy/top.h"
#include "helpers/cleanup.h"
#include "helpers/file.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"
#include "helpers/netstat.h"
#include "helpers/nic/counter.h"
#include "helpers/softnet.h"

static double clock_now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static FILE *top_file(const struct top_source *s, const char *path)
{
	int fd = openat(s->root, path, O_RDONLY | O_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (!f)
		cleanup_close(&fd);
	return f;
}

/* "cpu3 user nice system idle iowait irq softirq steal ...": guests are in user. */
static void read_ticks(const struct top_source *s, struct top_sample *out)
{
	_cleanup_fclose_ FILE *f = top_file(s, "proc/stat");
	unsigned long long t[8];
	unsigned int cpu;
	char line[4096];

	while (f && fgets(line, sizeof(line), f)) {
		struct top_core *c;

		if (sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", &cpu,
			   &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) < 8 ||
		    cpu >= CPULIST_MAX)
			continue;
		c = &out->core[cpu];
		c->online = true;
		c->softirq = t[6];
		for (int i = 0; i < 8; i++)
			c->ticks += t[i];
		c->busy = c->ticks - t[3] - t[4];
	}
}

static void read_softnet(const struct top_source *s, struct top_sample *out)
{
	_cleanup_free_ struct softnet *cpu = NULL;
	size_t n = 0;

	if (softnet_read(s->root, &cpu, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct top_core *c = &out->core[cpu[i].cpu % CPULIST_MAX];

		c->packets = cpu[i].processed;
		c->dropped = cpu[i].dropped;
		c->squeezed = cpu[i].squeezed;
	}
}

static bool irq_ours(const struct top_source *s, unsigned long irq)
{
	for (size_t i = 0; i < s->n_irq; i++) {
		if (s->irq[i] == irq)
			return true;
	}
	return false;
}

/* The CPU of each column, from "           CPU0       CPU2"; returns how many. */
static unsigned int interrupt_columns(const char *line, unsigned int *cpu)
{
	unsigned int n = 0;

	for (const char *p = strstr(line, "CPU"); p && n < CPULIST_MAX;
	     p = strstr(p + 3, "CPU"))
		cpu[n++] = (unsigned int)strtoul(p + 3, NULL, 10) % CPULIST_MAX;
	return n;
}

/* " 41:   7   9  PCI-MSIX-0000:00:03.0  1-edge  virtio0-input.0" */
static void read_interrupts(const struct top_source *s, struct top_sample *out)
{
	_cleanup_fclose_ FILE *f = s->n_irq ? top_file(s, "proc/interrupts") : NULL;
	_cleanup_free_ unsigned int *cpu = memory_new(CPULIST_MAX, sizeof(*cpu));
	_cleanup_free_ char *line = NULL;
	unsigned int columns = 0;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		char *at, *end;
		unsigned long irq = strtoul(line, &at, 10);

		if (!columns)
			columns = interrupt_columns(line, cpu);
		if (*at != ':' || at == line || !irq_ours(s, irq))
			continue;
		at++;
		for (unsigned int i = 0; i < columns; i++, at = end) {
			uint64_t n = strtoull(at, &end, 10);

			if (end == at)
				break;
			out->core[cpu[i]].interrupts += n;
		}
	}
}

static void read_accepts(const struct top_source *s, struct top_sample *out)
{
	_cleanup_free_ struct haproxy_accepts *all =
		memory_new(CPULIST_MAX, sizeof(*all));

	if (!s->locality || haproxy_locality_read(s->locality, all, CPULIST_MAX,
						  &(struct error){ 0 }) < 0)
		return;
	for (unsigned int i = 0; i < CPULIST_MAX; i++) {
		out->core[i].accepted = all[i].accepted;
		out->core[i].local = all[i].local;
	}
}

static void read_instances(const struct top_source *s, const struct top_sample *before,
			   struct top_sample *out)
{
	struct haproxy_stats stats;
	struct error ignored;
	char path[128];

	for (unsigned int k = 0; k < haproxy_instances(&s->plan.haproxy); k++) {
		snprintf(path, sizeof(path), STATE_ROOT "/%s/stats.%u", s->name, k);
		if (haproxy_stats_read(path, TOP_STATS_MS, &stats, &ignored) < 0) {
			if (before)
				out->instance[k] = before->instance[k];
			out->instance[k].answers = false;
			out->instance[k].connections = 0;
			continue;
		}
		out->instance[k] =
			(struct top_instance){ .answers = true,
					       .known = true,
					       .pid = stats.pid,
					       .connections = stats.current_connections,
					       .total = stats.total_connections,
					       .bytes_in = stats.bytes_in,
					       .bytes_out = stats.bytes_out };
	}
}

static uint64_t device_drops(const struct top_source *s, const char *dev)
{
	static const char *const names[] = { "rx_dropped", "rx_missed_errors",
					     "tx_dropped" };
	uint64_t sum = 0;
	char path[96];
	long long n;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "sys/class/net/%s/statistics/%s", dev,
			 names[i]);
		if (!file_number(s->root, path, &n))
			sum += (uint64_t)n;
	}
	return sum;
}

static void read_nics(struct top_source *s, struct top_sample *out)
{
	for (int i = 0; i < SIDES; i++) {
		const char *nic = s->plan.nic[i].name;

		out->nic_drops += device_drops(s, s->plan.netns.side[i].host);
		if (i && !strcmp(nic, s->plan.nic[0].name))
			continue;
		out->nic_drops += device_drops(s, nic);
		s->queues[i] = counter_queues(nic, out->queue[i], CONFIG_QUEUES_MAX);
	}
}

static int read_listen(void *arg, struct error *err)
{
	_cleanup_free_ char *text = memory_new(1, NETSTAT_MAX);
	struct top_sample *out = arg;
	_cleanup_close_ int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long long drops = -1;

	(void)err;
	if (file_read(root, "proc/net/netstat", text, NETSTAT_MAX) > 0)
		drops = netstat_counter(text, "TcpExt:", "ListenDrops");
	out->listen_drops = drops > 0 ? (uint64_t)drops : 0;
	return 0;
}

void top_read(struct top_source *s, const struct top_sample *before,
	      struct top_sample *out)
{
	memset(out, 0, sizeof(*out));
	/* What is counted up by asking comes first: the questions cost packets of none.
	 */
	read_instances(s, before, out);
	read_accepts(s, out);
	top_latency_read(s, out);
	out->at = clock_now(CLOCK_MONOTONIC);
	out->when = clock_now(CLOCK_REALTIME);
	read_softnet(s, out);
	read_interrupts(s, out);
	read_ticks(s, out);
	read_nics(s, out);
	namespace_call(s->nsfd, read_listen, out, &(struct error){ 0 });
	/* Last: it may take its time. */
	top_leaving_read(s, out);
}
