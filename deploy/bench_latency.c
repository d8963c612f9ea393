/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns residence time: how long a segment of payload stays in the blade. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/bench.h"
#include "deploy/bench_figure.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"
#include "tc/residence.h"

/* clang-format off */

static const struct bench_case cases[] = {
	{ "forwarding", "forward", { NULL }, { NULL } },
	{ "proxy, not transparent", "haproxy-plain", { NULL }, { NULL } },
	{ "proxy, transparent (how-to)", "haproxy-howto", { NULL }, { NULL } },
	{ "hapep", "blade", { "haproxy.model=processes" }, { NULL } },
	{ "hapep mirred", "blade", { "blade.datapath=mirred" }, { NULL } },
};

static const struct bench_metric metrics[] = {
	{ "residence_p50_us", "us", "Residence median", 1, true, false },
	{ "residence_p90_us", "us", "90%", 1, true, false },
	{ "residence_p99_us", "us", "99%", 1, true, false },
	{ "to_server_p50_us", "us", "To the server, median", 1, true, false },
	{ "to_client_p50_us", "us", "To the client, median", 1, true, false },
	{ "round_trip_p50_us", "us", "Round trip at the client, median", 1, true, false },
	{ "segments", "", "Segments", 0, false, true },
	{ "unmatched", "", "Left and not known again", 0, true, true },
	BENCH_FAILURES,
};

#define OVER(what, a, b) { what, a, b, "residence_p50_us", NULL, 0, 0, true }

static const struct bench_comparison comparisons[] = {
	OVER("what proxying costs", "proxy, not transparent", "forwarding"),
	OVER("what transparency adds (the how-to's)", "proxy, transparent (how-to)",
	     "proxy, not transparent"),
	OVER("what transparency adds (hapep's)", "hapep", "proxy, not transparent"),
	OVER("hapep over forwarding", "hapep", "forwarding"),
};

/* clang-format on */

static json_t *way_json(const struct residence_way *way)
{
	json_t *histogram = json_array();

	for (unsigned int i = 0; i < RESIDENCE_BUCKETS; i++) {
		if (way->bucket[i])
			json_array_append_new(
				histogram, json_pack("[f,I]", residence_middle(i) / 1e3,
						     (json_int_t)way->bucket[i]));
	}
	return json_pack("{s:I,s:I,s:I,s:o}", "in", (json_int_t)way->in, "out",
			 (json_int_t)way->out, "matched", (json_int_t)way->matched,
			 "histogram_us", histogram);
}

static void ways_fill(json_t *sample, json_t *to, const struct residence_way way[2])
{
	struct residence_way *both = memory_new(1, sizeof(*both));

	residence_merge(both, &way[0]);
	residence_merge(both, &way[1]);
	bench_metric_set(to, "residence_p50_us", residence_percentile(both, 50) / 1e3);
	bench_metric_set(to, "residence_p90_us", residence_percentile(both, 90) / 1e3);
	bench_metric_set(to, "residence_p99_us", residence_percentile(both, 99) / 1e3);
	bench_metric_set(to, "to_client_p50_us", residence_percentile(&way[0], 50) / 1e3);
	bench_metric_set(to, "to_server_p50_us", residence_percentile(&way[1], 50) / 1e3);
	bench_metric_set(to, "segments", (double)both->matched);
	bench_metric_set(to, "unmatched", (double)(both->out - both->matched));
	json_object_set_new(sample, "residence",
			    json_pack("{s:o,s:o}", "to_client", way_json(&way[0]),
				      "to_server", way_json(&way[1])));
	free(both);
}

static int pingpong(struct bench *b, const struct bench_case *c, json_t **out,
		    struct error *err)
{
	_cleanup_free_ char *number = memory_printf("number=%u", b->load++);
	_cleanup_free_ char *seconds = memory_printf("seconds=%g", b->seconds);
	const char *words[] = { "pingpong", c->kind, number, seconds, NULL };
	_cleanup_text_ struct text text = { 0 };
	int r = bench_drive(b, words, true, (unsigned int)b->seconds + 30, &text, err);

	*out = text.text ? json_loads(text.text, 0, NULL) : NULL;
	if (*out && json_object_get(*out, "error"))
		return error_say(err, EIO, "the messages: %s",
				 json_string_value(json_object_get(*out, "error")));
	return *out || r ? r : error_say(err, EPROTO, "the messages gave no JSON");
}

/* The probe's own cost, once a run. */
static int probe_say(struct bench *b, struct error *err)
{
	struct residence_cost cost;
	int r;

	if (json_object_get(b->result, "probe_ns"))
		return 0;
	r = residence_cost(&cost, err);
	if (!r)
		json_object_set_new(b->result, "probe_ns",
				    json_pack("{s:f,s:f,s:f}", "in", cost.in, "out",
					      cost.out, "out_unknown", cost.unknown));
	return r;
}

/* Proxies that change the client's port have two flows; their bytes are one. */
static int probed(struct bench *b, const struct bench_case *c, int nsfd, json_t *sample,
		  json_t *to, struct error *err)
{
	const struct residence_plan plan = {
		.nic = { "nic0", "nic1" },
		.by_flow = strcmp(c->kind, "haproxy-plain") != 0 &&
			   strcmp(c->kind, "haproxy-howto") != 0
	};
	struct residence_way *way = memory_new(2, sizeof(*way));
	struct residence *probe = NULL;
	struct error why = { 0 };
	json_t *trips = NULL;
	int r = residence_open(nsfd, &plan, &probe, err);

	if (!r)
		r = pingpong(b, c, &trips, err);
	for (int i = 0; !r && i < 2; i++)
		r = residence_read(probe, i, &way[i], err);
	if (residence_close(probe, &why) < 0 && !r) {
		*err = why;
		r = -why.code;
	}
	if (!r) {
		ways_fill(sample, to, way);
		bench_metric_set(to, "round_trip_p50_us",
				 bench_number(trips, "latency_us.round_trip.p50"));
		bench_metric_set(to, "failures", bench_number(trips, "failures.total"));
		json_object_set(sample, "load", trips);
	}
	json_decref(trips);
	free(way);
	return r;
}

static int latency_measure(struct bench *b, const struct bench_case *c, json_t *sample,
			   struct error *err)
{
	_cleanup_free_ char *name = memory_printf("hapep-%s-blade", b->lab);
	_cleanup_close_ int nsfd = -1;
	json_t *to;
	int r = bench_sample_begin(b, sample, &to, err);

	if (!r)
		r = probe_say(b, err);
	if (!r) {
		nsfd = namespace_open(name, err);
		r = nsfd < 0 ? nsfd : 0;
	}
	if (!r)
		r = probed(b, c, nsfd, sample, to, err);
	if (!r && !(bench_number(to, "segments") > 0))
		r = error_say(err, EIO, "the probe knew no segment again");
	return r;
}

/* What a figure's line rises by at a time, of all. */
#define STEP 0.001

struct stay {
	double us, segments;
};

static int compare_stays(const void *a, const void *b)
{
	double x = ((const struct stay *)a)->us, y = ((const struct stay *)b)->us;

	return (x > y) - (x < y);
}

static void stays_add(const json_t *way, struct stay **list, size_t *n)
{
	const json_t *points = json_object_get(way, "histogram_us");
	size_t more = json_array_size(points), i;
	json_t *point;

	*list = memory_more(*list, *n + more, sizeof(**list));
	json_array_foreach(points, i, point)
	{
		(*list)[(*n)++] = (struct stay){
			json_number_value(json_array_get(point, 0)),
			json_number_value(json_array_get(point, 1)),
		};
	}
}

/* Of a case's segments, over all rounds and both ways: what share stayed at most so long.
 */
static void distribution(const json_t *result, const char *name, struct text *out)
{
	_cleanup_free_ struct stay *list = NULL;
	double all = 0, sum = 0, drawn = 0;
	json_t *sample;
	size_t i, n = 0;

	json_array_foreach(json_object_get(result, "samples"), i, sample)
	{
		const json_t *residence = json_object_get(sample, "residence");

		if (strcmp(json_string_value(json_object_get(sample, "case")), name))
			continue;
		stays_add(json_object_get(residence, "to_client"), &list, &n);
		stays_add(json_object_get(residence, "to_server"), &list, &n);
	}
	if (n)
		qsort(list, n, sizeof(*list), compare_stays);
	for (i = 0; i < n; i++)
		all += list[i].segments;
	for (i = 0; i < n; i++) {
		sum += list[i].segments;
		/* More than that nobody sees. */
		if (i + 1 < n && sum - drawn < all * STEP)
			continue;
		drawn = sum;
		text_line(out, "%.4f %.6f", list[i].us, sum / all * 100);
	}
}

static void latency_figures(const json_t *result, const char *directory, json_t *list)
{
	static const char caption[] = "How long payload stays in the blade";
	_cleanup_text_ struct text script = { 0 }, plot = { 0 };
	size_t drawn = 0;

	for (size_t i = 0; i < BENCH_COUNT(cases); i++) {
		_cleanup_text_ struct text rows = { 0 };

		distribution(result, cases[i].name, &rows);
		if (!rows.length)
			continue;
		text_line(&script, "$c%zu << END\n%sEND", i, rows.text);
		text_add(&plot, "%s $c%zu using 1:2 with steps ls %zu title \"%s\"",
			 drawn++ ? "," : "plot", i, i + 1, cases[i].name);
	}
	if (!drawn)
		return;
	figure_begin(caption, "per cent of segments", &script);
	text_line(&script, "set logscale x\nset xlabel 'us'\nset yrange [0:100]\n%s",
		  plot.text);
	figure_draw(script.text, "residence.svg", caption, directory, list);
}

static void latency_remarks(const json_t *result, json_t *lines)
{
	const json_t *probe = json_object_get(result, "probe_ns");
	_cleanup_free_ char *line = memory_printf(
		"The probe itself takes %.0f ns of a segment that comes and %.0f ns of "
		"one that leaves (BPF_PROG_TEST_RUN on this machine); both are in the "
		"figures of every case alike, and go out of the differences.",
		bench_number(probe, "in"), bench_number(probe, "out"));

	if (probe)
		json_array_append_new(lines, json_string(line));
}

const struct bench_suite bench_latency = {
	.name = "latency",
	.title = "how long payload stays in the blade",
	.layout = "untagged",
	.server = "echo",
	.notes =
		"One segment of payload at a time on an established connection, echoed by the "
		"server: its bytes are seen come and leave by tc-BPF on the blade's NICs, and "
		"the time between is what the blade took. The question is of 2008, when "
		"forwarding took 2 to 3 ms and a transparent proxy 5 to 6, and whether "
		"transparency or proxying is to blame: the two proxies in between are the "
		"same HAProxy, in one thread, once as itself and once as the how-tos make it "
		"transparent. hapep's runs with its own defaults.",
	BENCH_TABLES,
	.seconds = 5,
	.measure = latency_measure,
	.possible = bench_peers_possible,
	.figures = latency_figures,
	.remarks = latency_remarks,
};
