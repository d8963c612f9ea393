/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns how an interval looks to people. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "deploy/top.h"
#include "helpers/writer.h"

/* The table's columns, by the tree's keys. Shares become per cent. */
static const struct column {
	const char *key, *title;
	bool per_cent;
} columns[] = {
	{ "cpu", "cpu", false },
	{ "node", "node", false },
	{ "queues", "queues", false },
	{ "instances", "inst", false },
	{ "connections", "conn", false },
	{ "tps", "tps", false },
	{ "local_share", "local%", true },
	{ "packets_s", "pkt/s", false },
	{ "queue_packets_s", "rx/s", false },
	{ "interrupts_s", "irq/s", false },
	{ "softirq_share", "si%", true },
	{ "busy_share", "busy%", true },
	{ "drops", "drop", false },
	{ "squeezes", "sqz", false },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static json_t *per_cent(const json_t *share)
{
	if (!json_is_number(share))
		return json_null();
	return json_integer((json_int_t)(json_number_value(share) * 100 + 0.5));
}

/* "0-3,8" of ascending numbers, since many queues may share a core. */
static json_t *ranges(const json_t *numbers)
{
	char text[256] = "";
	size_t at = 0, n = json_array_size(numbers);

	for (size_t i = 0; i < n && at < sizeof(text) - 32; i++) {
		json_int_t first = json_integer_value(json_array_get(numbers, i));
		json_int_t last = first;

		while (i + 1 < n &&
		       json_integer_value(json_array_get(numbers, i + 1)) == last + 1) {
			last++;
			i++;
		}
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%lld",
				       at ? "," : "", (long long)first);
		if (last > first)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "-%lld",
					       (long long)last);
	}
	return json_string(at ? text : "-");
}

static json_t *text_row(const json_t *core)
{
	json_t *row = json_object();

	for (size_t i = 0; i < COLUMNS; i++) {
		const struct column *c = &columns[i];
		json_t *v = json_object_get(core, c->key);

		if (c->per_cent)
			json_object_set_new(row, c->title, per_cent(v));
		else if (json_is_array(v))
			json_object_set_new(row, c->title, ranges(v));
		else
			json_object_set(row, c->title, v);
	}
	return row;
}

static long long number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void text_head(const json_t *tree, struct text *out)
{
	time_t when = (time_t)json_number_value(json_object_get(tree, "time"));
	const json_t *t = json_object_get(tree, "total");
	const json_t *local = json_object_get(t, "local_share");
	char clock[16];
	struct tm tm;

	localtime_r(&when, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	text_line(out, "%s  %s  %lld of %lld instances answer, over %.1f s",
		  json_string_value(json_object_get(tree, "blade")), clock,
		  number(t, "answering"), number(t, "instances"),
		  json_number_value(json_object_get(tree, "interval_s")));
	text_line(out,
		  "connections %lld  TPS %lld  from clients %.1f Mb/s  to clients %.1f "
		  "Mb/s",
		  number(t, "connections"), number(t, "tps"),
		  (double)number(t, "bytes_in_s") * 8e-6,
		  (double)number(t, "bytes_out_s") * 8e-6);
	top_leaving_text(t, out);
	text_add(out, "drops: NIC %lld, backlog %lld, listening queues %lld",
		 number(t, "nic_drops"), number(t, "backlog_drops"),
		 number(t, "listen_drops"));
	if (json_object_get(tree, "local_unknown"))
		text_line(out, "  accepted on the receiving core: not known here");
	else if (json_is_number(local))
		text_line(out, "  accepted on the receiving core: %.1f %%",
			  json_number_value(local) * 100);
	else
		text_line(out, "%s", "");
}

void top_text(const json_t *tree, struct text *out)
{
	json_t *rows = json_array(), *table, *core;
	size_t i;

	text_head(tree, out);
	top_latency_text(tree, out);
	json_array_foreach(json_object_get(tree, "cores"), i, core)
	{
		json_array_append_new(rows, text_row(core));
	}
	table = json_pack("{s:o}", "cores", rows);
	writer_text(table, out);
	json_decref(table);
}
