/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns which fields of a TCP packet a NIC hashes (rx-flow-hash). */
#include <errno.h>
#include <linux/ethtool.h>
#include <string.h>

#include "helpers/nic/feature.h"
#include "helpers/nic/prior.h"
#include "helpers/nic/queues.h"

#define FIELDS_ALL (RXH_IP_SRC | RXH_IP_DST | RXH_L4_B_0_1 | RXH_L4_B_2_3)

static const struct flow {
	const char *name; /* as ethtool -N has it */
	__u32 type;
} flows[] = { { "tcp4", TCP_V4_FLOW }, { "tcp6", TCP_V6_FLOW } };

#define FLOWS (sizeof(flows) / sizeof(flows[0]))

/* -EOPNOTSUPP, -EINVAL: the driver does not tell. */
static int fields_read(const char *nic, const struct flow *flow, __u64 *out)
{
	struct ethtool_rxnfc request = { .cmd = ETHTOOL_GRXFH, .flow_type = flow->type };
	int r = feature_ioctl(nic, &request);

	*out = request.data;
	return r;
}

static int fields_write(const char *nic, const struct flow *flow, __u64 fields,
			struct error *err)
{
	struct ethtool_rxnfc request = { .cmd = ETHTOOL_SRXFH,
					 .flow_type = flow->type,
					 .data = fields };
	int r = feature_ioctl(nic, &request);

	return r < 0 ? error_set(err, -r, "set the fields that '%s' hashes of %s", nic,
				 flow->name)
		     : 0;
}

int nic_fields_record(const struct nic_queues *q, json_t **out, struct error *err)
{
	return prior_record(q->name, PRIOR_FIELDS, out, err);
}

int nic_fields_apply(const struct nic_queues *q, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < FLOWS && !r; i++) {
		__u64 now;

		if (fields_read(q->name, &flows[i], &now) < 0 || now == FIELDS_ALL)
			continue;
		r = fields_write(q->name, &flows[i], FIELDS_ALL, err);
	}
	return r < 0 ? error_wrap(err,
				  "the driver refuses (placement.rss = off leaves the "
				  "NIC's queues alone)")
		     : 0;
}

int nic_fields_probe(const struct nic_queues *q, enum step_state *state,
		     struct text *detail, struct error *err)
{
	(void)err;
	for (size_t i = 0; i < FLOWS; i++) {
		__u64 now;

		if (!fields_read(q->name, &flows[i], &now) && now != FIELDS_ALL)
			text_line(detail, "'%s' does not hash addresses and ports of %s",
				  q->name, flows[i].name);
	}
	*state = detail->length ? STEP_ABSENT : STEP_PRESENT;
	return 0;
}

void nic_fields_describe(const struct nic_queues *q, struct text *out)
{
	for (size_t i = 0; i < FLOWS; i++)
		text_line(out, "ethtool -N %s rx-flow-hash %s sdfn", q->name,
			  flows[i].name);
}

int fields_prior(int root, const char *nic, json_t **out, struct error *err)
{
	(void)root;
	(void)err;
	*out = json_object();
	for (size_t i = 0; i < FLOWS; i++) {
		__u64 now;

		if (!fields_read(nic, &flows[i], &now))
			json_object_set_new(*out, flows[i].name,
					    json_integer((json_int_t)now));
	}
	return 0;
}

int fields_restore(int root, const char *nic, const json_t *prior, bool *moved,
		   struct error *err)
{
	int r = 0;

	(void)root;
	(void)moved;
	for (size_t i = 0; i < FLOWS && !r; i++) {
		const json_t *was = json_object_get(prior, flows[i].name);
		__u64 now;

		if (!was || fields_read(nic, &flows[i], &now) < 0 ||
		    now == (__u64)json_integer_value(was))
			continue;
		r = fields_write(nic, &flows[i], (__u64)json_integer_value(was), err);
	}
	return r;
}
