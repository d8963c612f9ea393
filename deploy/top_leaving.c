/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what `hapep top` tells of generations that leave: how many connections are left.
 */
#include <errno.h>
#include <stdio.h>

#include "deploy/state.h"
#include "deploy/supervisor.h"
#include "deploy/top.h"

/* A supervisor that is stopped holds up whoever asks it for a second: not each time. */
#define LEAVING_AGAIN_S 10

/* While an instance still accepts it is asked itself, later the supervisor counts. */
static void leaving_instance(const char *name, const json_t *one,
			     struct top_leaving *leaving)
{
	const char *file = json_string_value(json_object_get(one, "stats"));
	struct haproxy_stats stats = { 0 };
	char path[128];

	if (!file) {
		leaving->connections += (unsigned int)json_integer_value(
			json_object_get(one, "connections"));
		return;
	}
	if (!json_integer_value(json_object_get(one, "pid")))
		return; /* it has ended */
	snprintf(path, sizeof(path), STATE_ROOT "/%s/%s", name, file);
	if (haproxy_stats_read(path, TOP_STATS_MS, &stats, &(struct error){ 0 }) < 0)
		leaving->silent++;
	else
		leaving->connections += stats.current_connections;
}

void top_leaving_read(struct top_source *s, struct top_sample *out)
{
	json_t *all = NULL, *generation, *one;
	size_t i, k;
	int r;

	if (out->at < s->ask_again)
		return;
	r = supervisor_query(s->name, &all, &(struct error){ 0 });
	if (r < 0 && r != -ENOTCONN)
		s->ask_again = out->at + LEAVING_AGAIN_S;
	if (r < 0)
		return;
	out->leaving.known = true;
	json_array_foreach(json_object_get(all, "retiring"), i, generation)
	{
		out->leaving.generations++;
		json_array_foreach(json_object_get(generation, "instances"), k, one)
		{
			leaving_instance(s->name, one, &out->leaving);
		}
	}
	json_decref(all);
}

void top_leaving_tree(const struct top_sample *to, json_t *total)
{
	const struct top_leaving *l = &to->leaving;

	json_object_set_new(total, "leaving_generations",
			    l->known ? json_integer(l->generations) : json_null());
	json_object_set_new(total, "leaving_connections",
			    l->known && !l->silent ? json_integer(l->connections)
						   : json_null());
}

void top_leaving_text(const json_t *total, struct text *out)
{
	json_int_t n = json_integer_value(json_object_get(total, "leaving_generations"));

	if (n && json_is_null(json_object_get(total, "leaving_connections")))
		text_line(out,
			  "leaving: %lld former generation%s; an instance does not tell "
			  "its connections",
			  (long long)n, n > 1 ? "s" : "");
	else if (n)
		text_line(out, "leaving: %lld connections of %lld former generation%s",
			  (long long)json_integer_value(
				  json_object_get(total, "leaving_connections")),
			  (long long)n, n > 1 ? "s" : "");
}
