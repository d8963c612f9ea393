/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns saying where the directions of a flow arrive, of one flow and of many. */
#include "deploy/rss_flow.h"

#include <stdio.h>
#include <string.h>

#define SAMPLED 4096 /* flows; of each family half where both are served */

static json_t *number(int v)
{
	return v < 0 ? json_null() : json_integer(v);
}

static json_t *arrival_tree(const char *direction, const struct flow *f,
			    const struct rss_arrival *a)
{
	char from[FLOW_END_SIZE], to[FLOW_END_SIZE], hash[16];

	snprintf(hash, sizeof(hash), "0x%08x", a->hash);
	return json_pack(
		"{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "direction", direction,
		"interface", a->nic, "from", flow_end_format(&f->source, from), "to",
		flow_end_format(&f->destination, to), "hash",
		a->hashed ? json_string(hash) : json_null(), "queue", number(a->queue),
		"interrupt", number(a->irq), "cpu", number(a->cpu), "core",
		number(a->core), "instance", number(a->instance));
}

/* Why the CPU or the queue of an arrival is not known. */
static const char *unknown(const struct rss_view *v, const struct rss_arrival *a)
{
	const struct rss *rss = &v->rss[a->nic == v->placement.nic[0].name ? 0 : 1];

	if (rss->queues > 1 && !rss->table_n)
		return "its driver shows no indirection table";
	if (rss->queues > 1 && !a->hashed)
		return "its driver shows no Toeplitz key, or hashes no field of TCP";
	return "its queue has no interrupt that is pinned to one CPU";
}

static void verdict(const struct rss_view *v, const struct rss_arrival *a,
		    const struct rss_arrival *b, char *out, size_t size)
{
	int agree = rss_view_agree(a, b);

	if (agree < 0)
		snprintf(out, size, "cannot be told: %s: %s",
			 a->queue < 0 ? a->nic : b->nic,
			 unknown(v, a->queue < 0 ? a : b));
	else if (a->cpu < 0 || b->cpu < 0)
		snprintf(out, size,
			 "queue %d and queue %d; which CPU cannot be told: %s: %s",
			 a->queue, b->queue, a->cpu < 0 ? a->nic : b->nic,
			 unknown(v, a->cpu < 0 ? a : b));
	else if (agree)
		snprintf(out, size, "both directions arrive on CPU %d", a->cpu);
	else
		snprintf(out, size, "the directions arrive on CPU %d and CPU %d", a->cpu,
			 b->cpu);
}

static void notes_add(const struct rss_view *v, const struct flow *f, json_t *notes)
{
	if (!ports_contain(&v->config.ports, f->destination.port))
		json_array_append_new(
			notes, json_string("the destination is no service port: the flow "
					   "is forwarded, not proxied"));
	if (v->config.source == HAPROXY_SOURCE_CLIENTIP)
		json_array_append_new(
			notes, json_string("source = clientip: the servers answer to "
					   "another port than this one"));
	if (v->config.accept == HAPROXY_ACCEPT_HASH)
		json_array_append_new(
			notes, json_string("accept = hash: the instance is picked by the "
					   "kernel's own hash, not by the CPU"));
	if (v->placement.rps)
		json_array_append_new(
			notes,
			json_string("software steering (RPS) then picks the CPU, by "
				    "this hash or, where the interface reports none, by "
				    "the kernel's, which is symmetric"));
	for (unsigned int i = 0; i < v->placement.nics; i++) {
		bool six = f->source.address.family == AF_INET6;

		if (v->rss[i].table_n &&
		    !v->rss[i].fields[six ? RSS_IPV6 : RSS_IPV4].known)
			json_array_append_new(
				notes,
				json_sprintf("%s does not tell which fields it "
					     "hashes: taken as addresses and ports",
					     v->placement.nic[i].name));
	}
}

int rss_flow_tree(const struct rss_view *v, const struct flow *f, json_t **out)
{
	struct flow back = flow_reverse(f);
	struct rss_arrival a = rss_view_arrival(v, SIDE_CLIENT, f);
	struct rss_arrival b = rss_view_arrival(v, SIDE_SERVER, &back);
	int agree = rss_view_agree(&a, &b);
	json_t *rows = json_array(), *notes = json_array();
	char why[256];

	json_array_append_new(rows, arrival_tree("client to server", f, &a));
	json_array_append_new(rows, arrival_tree("server to client", &back, &b));
	verdict(v, &a, &b, why, sizeof(why));
	notes_add(v, f, notes);
	*out = json_pack("{s:o,s:o,s:s,s:o}", "directions", rows, "agree",
			 agree < 0 ? json_null() : json_boolean(agree), "verdict", why,
			 "notes", notes);
	return agree;
}

struct tally {
	unsigned int flows, agree, differ;
	unsigned int queue[CONFIG_QUEUES_MAX];
};

static void tally_add(const struct rss_view *v, const struct flow *f, struct tally *t)
{
	struct flow back = flow_reverse(f);
	struct rss_arrival a = rss_view_arrival(v, SIDE_CLIENT, f);
	struct rss_arrival b = rss_view_arrival(v, SIDE_SERVER, &back);
	int agree = rss_view_agree(&a, &b);

	t->flows++;
	t->agree += agree > 0;
	t->differ += agree == 0;
	if (a.queue >= 0 && a.queue < CONFIG_QUEUES_MAX)
		t->queue[a.queue]++;
}

/* The same numbers on every machine (Marsaglia's xorshift, 32 bits). */
static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void sample_address(uint32_t *state, int family, struct prefix *out)
{
	*out = (struct prefix){ .family = family, .length = prefix_bytes(family) * 8 };
	for (unsigned int i = 0; i < prefix_bytes(family); i++)
		out->bytes[i] = (unsigned char)(next(state) >> 16);
}

static uint16_t sample_port(uint32_t *state, const struct ports *ports)
{
	unsigned int k = next(state) % ports_count(ports);

	for (size_t i = 0; i < ports->n; i++) {
		unsigned int width =
			(unsigned int)ports->range[i].last - ports->range[i].first + 1;

		if (k < width)
			return (uint16_t)(ports->range[i].first + k);
		k -= width;
	}
	return 0;
}

static void tally_sampled(const struct rss_view *v, struct tally *t)
{
	bool six = v->config.side[SIDE_CLIENT].address[FAMILY_IPV6].family;
	bool four = v->config.side[SIDE_CLIENT].address[FAMILY_IPV4].family;
	uint32_t state = 0x6d5a6d5a;

	for (unsigned int i = 0; i < SAMPLED; i++) {
		int family = six && (i % 2 || !four) ? AF_INET6 : AF_INET;
		struct flow f;

		sample_address(&state, family, &f.source.address);
		sample_address(&state, family, &f.destination.address);
		f.source.port = (uint16_t)(32768 + next(&state) % 28232);
		f.destination.port = sample_port(&state, &v->config.ports);
		tally_add(v, &f, t);
	}
}

static json_t *tally_tree(const char *kind, const struct tally *t)
{
	unsigned int known = t->agree + t->differ, used = 0, most = 0, total = 0;

	for (unsigned int q = 0; q < CONFIG_QUEUES_MAX; q++) {
		used += t->queue[q] > 0;
		total += t->queue[q];
		most = t->queue[q] > most ? t->queue[q] : most;
	}
	return json_pack("{s:s,s:i,s:i,s:o,s:i,s:o}", "flows", kind, "count",
			 (int)t->flows, "symmetric", (int)t->agree, "symmetric_percent",
			 known ? json_real(100.0 * t->agree / known) : json_null(),
			 "queues_used", (int)used, "busiest_to_mean",
			 total ? json_real((double)most * used / total) : json_null());
}

static json_t *queues_tree(const struct rss_view *v, const struct tally *sampled,
			   const struct tally *live)
{
	json_t *rows = json_array();

	for (unsigned int q = 0; q < CONFIG_QUEUES_MAX && q < v->rss[0].queues; q++) {
		int cpu = v->cpu[0][q];

		json_array_append_new(
			rows,
			json_pack("{s:i,s:o,s:o,s:o,s:i,s:i}", "queue", (int)q,
				  "interrupt", number(v->irq[q]), "cpu", number(cpu),
				  "instance",
				  number(cpu < 0 || v->config.accept != HAPROXY_ACCEPT_CPU
						 ? -1
						 : v->placement.taker[cpu]),
				  "sampled", (int)sampled->queue[q], "live",
				  (int)live->queue[q]));
	}
	return rows;
}

static const char *key_kind(const struct rss *rss)
{
	if (!rss->key_n)
		return "none shown";
	for (unsigned int i = 2; i < rss->key_n; i++) {
		if (rss->key[i] != rss->key[i - 2])
			return "asymmetric";
	}
	return "symmetric";
}

static json_t *interfaces_tree(const struct rss_view *v)
{
	static const char *const transforms[] = { "none", "symmetric-xor",
						  "symmetric-or-xor", "both" };
	json_t *rows = json_array();

	for (unsigned int i = 0; i < v->placement.nics; i++) {
		const struct rss *rss = &v->rss[i];

		json_array_append_new(
			rows, json_pack("{s:s,s:i,s:i,s:s,s:s,s:b}", "interface",
					v->placement.nic[i].name, "queues",
					(int)rss->queues, "table_entries",
					(int)rss->table_n, "key", key_kind(rss),
					"transform", transforms[rss->transform & 3],
					"toeplitz", rss->toeplitz));
	}
	return rows;
}

int rss_flows_tree(const struct rss_view *v, const struct flow *live, size_t n,
		   json_t **out)
{
	struct tally sampled = { 0 }, lived = { 0 };
	json_t *rows = json_array();

	tally_sampled(v, &sampled);
	for (size_t i = 0; i < n; i++)
		tally_add(v, &live[i], &lived);
	json_array_append_new(rows, tally_tree("sampled", &sampled));
	if (n)
		json_array_append_new(rows, tally_tree("live", &lived));
	*out = json_pack("{s:o,s:o,s:o}", "interfaces", interfaces_tree(v), "flows", rows,
			 "queues", queues_tree(v, &sampled, &lived));
	if (!sampled.agree && !sampled.differ)
		return -1;
	return sampled.agree == sampled.flows && lived.agree == lived.flows;
}
