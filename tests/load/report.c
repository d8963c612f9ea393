/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a run's figures as text and as JSON. */
#include "tests/load/report.h"

#include <errno.h>
#include <jansson.h>
#include <stddef.h>

/* A thread this busy may be what limits the load. */
#define BUSY 0.95

struct latency {
	const char *name, *key;
	size_t offset;
};

static const struct latency latencies[] = {
	{ "connect", "connect", offsetof(struct tally, connect) },
	{ "first byte", "first_byte", offsetof(struct tally, first_byte) },
	{ "total", "total", offsetof(struct tally, total) },
	{ "start lag", "start_lag", offsetof(struct tally, lag) },
};

static const struct {
	double percent;
	const char *key;
} percentiles[] = { { 50, "p50" }, { 90, "p90" }, { 99, "p99" }, { 99.9, "p99_9" } };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct histogram *histogram_at(const struct load_figures *figures, size_t i)
{
	return (const void *)((const char *)&figures->tally + latencies[i].offset);
}

static double rate(uint64_t count, double seconds)
{
	return seconds > 0 ? (double)count / seconds : 0;
}

static double cpu_each(const struct load_figures *figures)
{
	double cpu = figures->user + figures->system;

	return figures->tally.ok ? cpu * 1e6 / (double)figures->tally.ok : 0;
}

static void loop_text(const struct load_options *o, const struct load_plan *plan,
		      const struct load_figures *figures, FILE *out)
{
	if (plan->hold)
		fprintf(out, "%llu of %llu connections held %g s",
			(unsigned long long)figures->tally.held,
			(unsigned long long)plan->connections, o->hold);
	else if (plan->rate)
		fprintf(out, "open loop, %g a second, at most %llu connections",
			plan->rate, (unsigned long long)plan->connections);
	else
		fprintf(out, "closed loop, %llu connections",
			(unsigned long long)plan->connections);
	fprintf(out, ", %llu thread%s, close by %s\n", (unsigned long long)plan->threads,
		plan->threads > 1 ? "s" : "", o->close);
	for (size_t i = 0; i < plan->targets; i++)
		fprintf(out, "  target %s%s from %llu addresses\n", plan->target[i].name,
			o->path,
			(unsigned long long)(plan->target[i].sources
						     ? plan->target[i].sources
						     : 1));
}

static void latency_text(const struct load_figures *figures, FILE *out)
{
	if (!figures->tally.total.count && !figures->tally.lag.count)
		return;
	fprintf(out, "  %-12s%10s%10s%10s%10s%10s%10s\n", "latency us", "mean", "50%",
		"90%", "99%", "99.9%", "max");
	for (size_t i = 0; i < COUNT(latencies); i++) {
		const struct histogram *h = histogram_at(figures, i);

		if (!h->count)
			continue;
		fprintf(out, "  %-12s%10.1f", latencies[i].name,
			histogram_mean(h) / 1000);
		for (size_t j = 0; j < COUNT(percentiles); j++)
			fprintf(out, "%10.1f",
				(double)histogram_percentile(h, percentiles[j].percent) /
					1000);
		fprintf(out, "%10.1f\n", (double)h->max / 1000);
	}
}

static void failures_text(const struct tally *tally, FILE *out)
{
	fprintf(out, "  failures %llu\n", (unsigned long long)tally_failures(tally));
	for (int i = 1; i < FAILURE_KINDS; i++)
		if (tally->failure[i].count)
			fprintf(out, "    %-12s%10llu  first: %s\n",
				failure_name((enum failure)i),
				(unsigned long long)tally->failure[i].count,
				tally->failure[i].first);
}

static void beside_text(const struct load_plan *plan, const struct load_figures *figures,
			FILE *out)
{
	const struct tally *tally = &figures->tally;

	if (tally->warmup_ok || tally->warmup_failed)
		fprintf(out, "  warm-up, not in the figures: %llu and %llu failures\n",
			(unsigned long long)tally->warmup_ok,
			(unsigned long long)tally->warmup_failed);
	if (tally->drained_ok)
		fprintf(out, "  ended after the window, in the latencies only: %llu\n",
			(unsigned long long)tally->drained_ok);
	if (tally->unfinished)
		fprintf(out, "  unfinished when interrupted: %llu\n",
			(unsigned long long)tally->unfinished);
	if (tally->unstarted)
		fprintf(out,
			"  NOT STARTED: %llu were due by --rate, but all %llu connections "
			"were in use: the\n  latencies above are too good\n",
			(unsigned long long)tally->unstarted,
			(unsigned long long)plan->connections);
	if (figures->busiest > BUSY)
		fprintf(out,
			"  note: a thread of this generator used %.0f%% of a CPU: it may "
			"be the limit\n",
			figures->busiest * 100);
}

void load_report_text(const struct load_options *options, const struct load_plan *plan,
		      const struct load_figures *figures, FILE *out)
{
	const struct tally *tally = &figures->tally;

	loop_text(options, plan, figures, out);
	fprintf(out, "  %llu transactions in %.3f s: %.1f TPS, %.3f MB/s%s\n",
		(unsigned long long)tally->ok, figures->seconds,
		rate(tally->ok, figures->seconds),
		rate(tally->bytes, figures->seconds) / 1e6,
		figures->interrupted ? " (interrupted)" : "");
	latency_text(figures, out);
	failures_text(tally, out);
	fprintf(out, "  generator's CPU: %.3f s user, %.3f s system, %.1f us each\n",
		figures->user, figures->system, cpu_each(figures));
	beside_text(plan, figures, out);
}

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *latency_json(const struct histogram *h)
{
	json_t *object = json_object();

	json_object_set_new(object, "count", integer(h->count));
	json_object_set_new(object, "min", json_real((double)h->min / 1000));
	json_object_set_new(object, "mean", json_real(histogram_mean(h) / 1000));
	for (size_t i = 0; i < COUNT(percentiles); i++) {
		uint64_t value = histogram_percentile(h, percentiles[i].percent);

		json_object_set_new(object, percentiles[i].key,
				    json_real((double)value / 1000));
	}
	json_object_set_new(object, "max", json_real((double)h->max / 1000));
	return object;
}

static json_t *latencies_json(const struct load_figures *figures)
{
	json_t *object = json_object();

	for (size_t i = 0; i < COUNT(latencies); i++) {
		const struct histogram *h = histogram_at(figures, i);

		json_object_set_new(object, latencies[i].key,
				    h->count ? latency_json(h) : json_null());
	}
	return object;
}

static json_t *failures_json(const struct tally *tally)
{
	json_t *object = json_object();

	json_object_set_new(object, "total", integer(tally_failures(tally)));
	for (int i = 1; i < FAILURE_KINDS; i++)
		json_object_set_new(object, failure_name((enum failure)i),
				    integer(tally->failure[i].count));
	return object;
}

static json_t *firsts_json(const struct tally *tally)
{
	json_t *object = json_object();

	for (int i = 1; i < FAILURE_KINDS; i++)
		if (tally->failure[i].count)
			json_object_set_new(object, failure_name((enum failure)i),
					    json_string(tally->failure[i].first));
	return object;
}

static json_t *cpu_json(const struct load_figures *figures)
{
	json_t *object = json_object();

	json_object_set_new(object, "user", json_real(figures->user));
	json_object_set_new(object, "system", json_real(figures->system));
	json_object_set_new(object, "us_per_transaction", json_real(cpu_each(figures)));
	json_object_set_new(object, "busiest_thread", json_real(figures->busiest));
	return object;
}

static json_t *targets_json(const struct load_plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->targets; i++) {
		json_t *object = json_object();

		json_object_set_new(object, "name", json_string(plan->target[i].name));
		json_object_set_new(object, "sources", integer(plan->target[i].sources));
		json_array_append_new(array, object);
	}
	return array;
}

static void counts_json(json_t *object, const struct load_figures *figures)
{
	const struct tally *tally = &figures->tally;
	double seconds = figures->seconds;

	json_object_set_new(object, "interrupted", json_boolean(figures->interrupted));
	json_object_set_new(object, "seconds", json_real(seconds));
	json_object_set_new(object, "transactions", integer(tally->ok));
	json_object_set_new(object, "tps", json_real(rate(tally->ok, seconds)));
	json_object_set_new(object, "bytes", integer(tally->bytes));
	json_object_set_new(object, "body_bytes", integer(tally->body_bytes));
	json_object_set_new(object, "bytes_per_second",
			    json_real(rate(tally->bytes, seconds)));
	json_object_set_new(object, "warmup_transactions", integer(tally->warmup_ok));
	json_object_set_new(object, "warmup_failures", integer(tally->warmup_failed));
	json_object_set_new(object, "drained_transactions", integer(tally->drained_ok));
	json_object_set_new(object, "unfinished", integer(tally->unfinished));
	json_object_set_new(object, "unstarted", integer(tally->unstarted));
	json_object_set_new(object, "held", integer(tally->held));
}

int load_report_json(const struct load_options *options, const struct load_plan *plan,
		     const struct load_figures *figures, FILE *out)
{
	json_t *object = json_object();
	int rc;

	json_object_set_new(object, "options",
			    arguments_json(&load_options_table, options));
	json_object_set_new(object, "targets", targets_json(plan));
	counts_json(object, figures);
	json_object_set_new(object, "failures", failures_json(&figures->tally));
	json_object_set_new(object, "first_failures", firsts_json(&figures->tally));
	json_object_set_new(object, "latency_us", latencies_json(figures));
	json_object_set_new(object, "cpu_seconds", cpu_json(figures));
	rc = json_dumpf(object, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	json_decref(object);
	return rc || fputc('\n', out) == EOF ? -EIO : 0;
}
