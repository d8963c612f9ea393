/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a sample of transactions: loading the case, and what that cost the machine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/bench.h"
#include "deploy/bench_external.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

const json_t *bench_member(const json_t *tree, const char *path)
{
	char part[64];

	while (tree && *path) {
		size_t n = strcspn(path, ".");

		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		tree = json_object_get(tree, part);
		path += n + (path[n] == '.');
	}
	return tree;
}

double bench_number(const json_t *tree, const char *path)
{
	return json_number_value(bench_member(tree, path));
}

const char *bench_word(const json_t *tree, const char *key)
{
	const char *s = json_string_value(json_object_get(tree, key));

	return s ? s : "";
}

/* One call of the lab's generator. Failed transactions are figures, not errors. */
static int lab_load(struct bench *b, const struct bench_case *c, double rate,
		    json_t **out, struct error *err)
{
	_cleanup_free_ char *number = memory_printf("number=%u", b->load++);
	_cleanup_free_ char *seconds = memory_printf("seconds=%g", b->seconds);
	_cleanup_free_ char *warmup = memory_printf("warmup=%g", b->warmup);
	_cleanup_free_ char *connections =
		memory_printf("connections=%u", b->connections);
	_cleanup_free_ char *paced = memory_printf("rate=%.3f", rate);
	_cleanup_free_ char *family = memory_printf("family=%s", b->family);
	const char *words[BENCH_SETTINGS + 9] = { "load", c->kind,     number, seconds,
						  warmup, connections, family };
	_cleanup_text_ struct text text = { 0 };
	size_t n = 7;
	int r;

	for (size_t i = 0; i < BENCH_SETTINGS && c->load[i]; i++)
		words[n++] = c->load[i];
	if (rate > 0)
		words[n++] = paced;
	r = bench_drive(b, words, true, (unsigned int)(b->seconds + b->warmup) + 60,
			&text, err);
	*out = text.text ? json_loads(text.text, 0, NULL) : NULL;
	if (*out && r == -EPROTO)
		return 0;
	if (!*out && !r)
		r = error_say(err, EPROTO, "the generator gave no JSON");
	return r;
}

double bench_transactions(const json_t *load)
{
	return bench_number(load, "transactions") +
	       bench_number(load, "warmup_transactions") +
	       bench_number(load, "drained_transactions");
}

/* A figure that the generator did not give is no metric, rather than 0. */
static void metrics_load(json_t *metrics, const json_t *load)
{
	static const struct {
		const char *metric, *path;
		double scale;
	} figures[] = {
		{ "tps", "tps", 1 },
		{ "ttfb_mean_us", "latency_us.first_byte.mean", 1 },
		{ "ttfb_p50_us", "latency_us.first_byte.p50", 1 },
		{ "ttfb_p99_us", "latency_us.first_byte.p99", 1 },
		{ "failures", "failures.total", 1 },
		{ "mbps", "bytes_per_second", 8 / 1e6 },
	};

	for (size_t i = 0; i < BENCH_COUNT(figures); i++) {
		const json_t *value = bench_member(load, figures[i].path);

		if (json_is_number(value))
			bench_metric_set(metrics, figures[i].metric,
					 json_number_value(value) * figures[i].scale);
	}
}

/* Bytes of answers in all, in 10^9: warm-up and end cost as much as the window. 0: not
 * known. */
static double gigabytes(const json_t *load)
{
	double counted = bench_number(load, "transactions");

	if (!(counted > 0))
		return 0;
	return bench_number(load, "bytes_per_second") * bench_number(load, "seconds") *
	       bench_transactions(load) / counted / 1e9;
}

/* What the load cost the whole machine: generator and origin too, where they share it. */
static void metrics_cpu(json_t *sample, json_t *metrics, const json_t *load,
			const struct bench_cpu *before, const struct bench_cpu *after)
{
	double busy = bench_cpu_say(sample, before, after);
	double done = bench_transactions(load), bytes = gigabytes(load);

	if (bytes > 0)
		bench_metric_set(metrics, "cpu_s_per_gb", busy / bytes);
	if (!(bench_number(load, "transactions") > 0))
		return;
	bench_metric_set(metrics, "cpu_us", busy * 1e6 / done);
	bench_metric_set(metrics, "user_us", (after->user - before->user) * 1e6 / done);
	bench_metric_set(metrics, "system_us",
			 (after->system - before->system) * 1e6 / done);
	bench_metric_set(metrics, "interrupts_us",
			 (after->interrupts - before->interrupts) * 1e6 / done);
	bench_metric_set(metrics, "switches",
			 (after->switches - before->switches) / done);
}

/* The word "paced=0.7" of a case: once more, in an open loop at that share of its peak.
 */
static int paced_load(struct bench *b, const struct bench_case *c, json_t *sample,
		      json_t *metrics, struct error *err)
{
	double share = 0, tps = bench_number(metrics, "tps");
	json_t *load = NULL;
	int r;

	for (size_t i = 0; i < BENCH_SETTINGS && c->load[i]; i++)
		(void)sscanf(c->load[i], "paced=%lf", &share);
	if (share <= 0 || tps <= 0)
		return 0;
	r = lab_load(b, c, share * tps, &load, err);
	if (!r) {
		bench_metric_set(metrics, "paced_ttfb_p50_us",
				 bench_number(load, "latency_us.first_byte.p50"));
		bench_metric_set(metrics, "paced_ttfb_p99_us",
				 bench_number(load, "latency_us.first_byte.p99"));
		bench_metric_set(metrics, "paced_late_p99_us",
				 bench_number(load, "latency_us.start_lag.p99"));
		bench_metric_set(metrics, "failures",
				 bench_number(metrics, "failures") +
					 bench_number(load, "failures.total"));
		json_object_set(sample, "paced_load", load);
	}
	json_decref(load);
	return r;
}

int bench_measure_load(struct bench *b, const struct bench_case *c, json_t *sample,
		       struct error *err)
{
	struct bench_cpu before, after;
	json_t *load = NULL, *metrics;
	int r = bench_sample_begin(b, sample, &metrics, err);

	if (!r)
		r = bench_cpu_read(&before, err);
	if (!r)
		r = b->lab[0] ? lab_load(b, c, 0, &load, err)
			      : bench_external_load(b, c, &load, err);
	if (!r)
		r = bench_cpu_read(&after, err);
	if (r < 0) {
		json_decref(load);
		return r;
	}
	metrics_load(metrics, load);
	metrics_cpu(sample, metrics, load, &before, &after);
	json_object_set_new(sample, "load", load);
	if (!(bench_number(metrics, "tps") > 0))
		return error_say(err, EIO, "no transaction ended well");
	return b->lab[0] ? paced_load(b, c, sample, metrics, err) : 0;
}
