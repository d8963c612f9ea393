/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what every sample begins with, and what the machine's CPUs did meanwhile. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "deploy/bench.h"
#include "deploy/bench_asked.h"
#include "deploy/bench_conditions.h"
#include "helpers/cleanup.h"

/* How long to look at the machine before it is loaded, and how often, until it is quiet.
 */
#define LOOK_MS   200
#define LOOKS_MAX 10

void bench_metric_set(json_t *metrics, const char *name, double value)
{
	json_object_set_new(metrics, name, json_real(value));
}

int bench_cpu_read(struct bench_cpu *out, struct error *err)
{
	_cleanup_fclose_ FILE *f = NULL;
	double hz = (double)sysconf(_SC_CLK_TCK);
	unsigned long long v[8] = {
		0
	}; /* user nice system idle iowait irq softirq steal */
	char line[4096];
	bool read;

	memset(out, 0, sizeof(*out));
	f = fopen("/proc/stat", "re");
	read = f && fgets(line, sizeof(line), f) &&
	       sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1],
		      &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) == 8;
	while (read && fgets(line, sizeof(line), f) &&
	       sscanf(line, "ctxt %lf", &out->switches) != 1)
		;
	out->user = (double)(v[0] + v[1]) / hz;
	out->system = (double)v[2] / hz;
	out->interrupts = (double)(v[5] + v[6]) / hz;
	out->busy = out->user + out->system + out->interrupts;
	out->steal = (double)v[7] / hz;
	out->total = out->busy + out->steal + (double)(v[3] + v[4]) / hz;
	return read ? 0 : error_say(err, EPROTO, "read the CPUs' times from /proc/stat");
}

double bench_cpu_say(json_t *sample, const struct bench_cpu *before,
		     const struct bench_cpu *after)
{
	double busy = after->busy - before->busy;

	json_object_set_new(sample, "cpu_seconds", json_real(busy));
	json_object_set_new(sample, "steal_seconds",
			    json_real(after->steal - before->steal));
	return busy;
}

/* The share of the machine that others use, by one look. */
static int background_look(double *out, struct error *err)
{
	static const struct timespec wait = { .tv_nsec = LOOK_MS * 1000000L };
	struct bench_cpu before, after;
	double total, others;
	int r = bench_cpu_read(&before, err);

	if (r < 0)
		return r;
	nanosleep(&wait, NULL);
	r = bench_cpu_read(&after, err);
	if (r < 0)
		return r;
	total = after.total - before.total;
	others = after.busy + after.steal - before.busy - before.steal;
	/* Differences of ticks as seconds: a twentieth is to be no more than one. */
	*out = total > 0 ? round(others / total * 1e6) / 1e6 : 0;
	return 0;
}

int bench_sample_begin(const struct bench *b, json_t *sample, json_t **metrics,
		       struct error *err)
{
	/* Nobody quotes what --quick measures. */
	unsigned int looks = b->quick ? 1 : LOOKS_MAX, n = 0;
	double others;

	*metrics = json_object();
	json_object_set_new(sample, "metrics", *metrics);
	do {
		int r = background_look(&others, err);

		if (r < 0)
			return r;
		n++;
	} while (others > BENCH_QUIET && n < looks && !bench_stopped(b));
	json_object_set_new(sample, "background", json_real(others));
	json_object_set_new(sample, "looks", json_integer(n));
	return 0;
}

bool bench_quick_leaves(const struct bench *b, bool wanted, struct text *reason)
{
	bool leaves = b->quick && !wanted && !bench_asked_some(b->result);

	if (leaves)
		text_add(reason, "--quick leaves it out");
	return leaves;
}
