/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the rules that `packets` puts on a device: where each destination leads. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/packets.h"
#include "tests/bench/packets_table.h"

static int rules_fill(const struct bpf_object *object, uint32_t n, uint32_t out)
{
	struct packets_bucket *table = calloc(PACKETS_BUCKETS, sizeof(*table));
	uint32_t *index = calloc(PACKETS_BUCKETS, sizeof(*index));
	struct bpf_map_batch_opts opts = { .sz = sizeof(opts) };
	uint32_t count = PACKETS_BUCKETS, way = 1; /* all lead to one device */
	int r;

	if (!table || !index)
		abort();
	for (uint32_t i = 0; i < PACKETS_BUCKETS; i++)
		index[i] = i;
	r = bpf_map_update_elem(packets_map(object, "ways"), &way, &out, BPF_ANY);
	for (uint32_t i = 0; !r && i < n; i++)
		r = packets_table_add(table, PACKETS_NETWORK + i * (PACKETS_FLOWS / n),
				      (uint8_t)way);
	if (!r)
		r = bpf_map_update_batch(packets_map(object, "rules"), index, table,
					 &count, &opts);
	free(table);
	free(index);
	return r;
}

int packets_rules(const struct packets_options *o, unsigned int index)
{
	struct packets_constants constants = {
		.rule_mask = 0u - (uint32_t)(PACKETS_FLOWS / o->rules)
	};
	uint64_t begin = packets_clock();
	struct bpf_object *object = packets_open();
	unsigned int out;
	int r;

	out = o->to ? if_nametoindex(o->to) : 0;
	if (!out || !object)
		return packets_complain(o->to ? o->to : "--to is missing", errno);
	r = packets_load(object, &constants);
	if (!r)
		r = rules_fill(object, (uint32_t)o->rules, out);
	if (!r)
		r = o->mirred ? packets_mirred(object, "packets_classify", index, out)
			      : packets_attach(object, "packets_redirect", index);
	bpf_object__close(object); /* what is attached lives on */
	if (r)
		return packets_complain("put the rules in", -r);
	printf("%.6f\n", (double)(packets_clock() - begin) / 1e9);
	return STATUS_OK;
}
