/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep top --latency`: how long payload stays in a blade in service. */
#include <string.h>

#include "deploy/top.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

int top_latency_open(struct top_source *s, struct error *err)
{
	struct residence_plan plan = {
		/* Else the legs have other ports, and the bytes alone are known. */
		.by_flow = s->plan.haproxy.source == HAPROXY_SOURCE_CLIENT
	};

	for (int i = 0; i < SIDES; i++) {
		memcpy(plan.nic[i], s->plan.tc.side[i].nic, sizeof(plan.nic[i]));
		plan.vlan[i] = s->plan.tc.side[i].vlan;
	}
	return residence_open(-1, &plan, &s->residence, err);
}

void top_latency_read(const struct top_source *s, struct top_sample *out)
{
	struct error ignored;

	for (int to = 0; s->residence && to < SIDES; to++)
		(void)residence_read(s->residence, to, &out->residence[to], &ignored);
}

/* Tenths of a microsecond: a bucket's middle is within 0.4 per cent. */
static json_t *percentile(const struct residence_way *way, double percent)
{
	double us = residence_percentile(way, percent) / 1e3;

	return way->matched ? json_real((double)(long long)(us * 10 + 0.5) / 10)
			    : json_null();
}

static json_t *way_tree(const struct residence_way *from, const struct residence_way *to)
{
	_cleanup_free_ struct residence_way *way = memory_new(1, sizeof(*way));
	json_t *tree;

	way->in = to->in - from->in;
	way->out = to->out - from->out;
	for (int i = 0; i < RESIDENCE_BUCKETS; i++) {
		way->bucket[i] = to->bucket[i] - from->bucket[i];
		way->matched += way->bucket[i];
	}
	tree = json_pack("{s:I,s:I,s:I}", "segments_in", (json_int_t)way->in,
			 "segments_out", (json_int_t)way->out, "matched",
			 (json_int_t)way->matched);
	json_object_set_new(tree, "p50_us", percentile(way, 50));
	json_object_set_new(tree, "p90_us", percentile(way, 90));
	json_object_set_new(tree, "p99_us", percentile(way, 99));
	return tree;
}

json_t *top_latency_tree(const struct top_sample *from, const struct top_sample *to)
{
	return json_pack(
		"{s:o,s:o}", "to_server",
		way_tree(&from->residence[SIDE_SERVER], &to->residence[SIDE_SERVER]),
		"to_client",
		way_tree(&from->residence[SIDE_CLIENT], &to->residence[SIDE_CLIENT]));
}

static void way_text(const json_t *way, const char *name, struct text *out)
{
	if (json_is_null(json_object_get(way, "p50_us"))) {
		text_line(out, "residence to the %s: no segment was known again", name);
		return;
	}
	text_line(out,
		  "residence to the %s: median %.1f us, 90%% %.1f, 99%% %.1f (%lld of "
		  "%lld segments known again)",
		  name, json_number_value(json_object_get(way, "p50_us")),
		  json_number_value(json_object_get(way, "p90_us")),
		  json_number_value(json_object_get(way, "p99_us")),
		  (long long)json_integer_value(json_object_get(way, "matched")),
		  (long long)json_integer_value(json_object_get(way, "segments_out")));
}

void top_latency_text(const json_t *tree, struct text *out)
{
	const json_t *residence = json_object_get(tree, "residence");

	if (!residence)
		return;
	way_text(json_object_get(residence, "to_server"), "server", out);
	way_text(json_object_get(residence, "to_client"), "client", out);
}
