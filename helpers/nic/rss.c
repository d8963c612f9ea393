/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading a NIC's receive-side scaling by ethtool's ioctls. */
#include "helpers/nic/rss.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <stddef.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/nic/feature.h"

/*
 * Where the headers are older than 6.8, the transform is the first of the reserved bytes
 * after the hash function.
 */
#define TRANSFORM_AT (offsetof(struct ethtool_rxfh, hfunc) + 1)

/* What a driver that cannot answer says. */
static bool rss_silent(int r)
{
	return r == -EOPNOTSUPP || r == -EINVAL;
}

static int rss_queues(const char *nic, struct rss *out)
{
	struct ethtool_rxnfc rings = { .cmd = ETHTOOL_GRXRINGS };
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	int r = feature_ioctl(nic, &channels);

	if (r < 0 && !rss_silent(r))
		return r;
	if (!r) {
		out->queues = channels.combined_count + channels.rx_count;
		out->queues_most = channels.max_combined > channels.max_rx
					   ? channels.max_combined
					   : channels.max_rx;
	}
	r = feature_ioctl(nic, &rings);
	if (!r && rings.data)
		out->queues = (unsigned int)rings.data;
	if (!out->queues)
		out->queues = 1;
	if (out->queues_most < out->queues)
		out->queues_most = out->queues;
	return 0;
}

static int rss_hash(const char *nic, struct rss *out, struct error *err)
{
	struct ethtool_rxfh size = { .cmd = ETHTOOL_GRSSH };
	_cleanup_free_ struct ethtool_rxfh *all = NULL;
	size_t table;
	int r = feature_ioctl(nic, &size);

	if (r < 0)
		return rss_silent(r) ? 0
				     : error_set(err, -r, "read the RSS of '%s'", nic);
	if (size.indir_size > RSS_TABLE_MAX || size.key_size > RSS_KEY_MAX)
		return error_say(err, E2BIG,
				 "the RSS of '%s' has %u entries and a key of %u bytes: "
				 "hapep knows up to %d and %d",
				 nic, size.indir_size, size.key_size, RSS_TABLE_MAX,
				 RSS_KEY_MAX);
	table = size.indir_size * sizeof(all->rss_config[0]);
	all = memory_new(1, sizeof(*all) + table + size.key_size);
	*all = size;
	all->cmd = ETHTOOL_GRSSH;
	r = feature_ioctl(nic, all);
	if (r < 0)
		return error_set(err, -r, "read the RSS of '%s'", nic);
	out->function = all->hfunc;
	out->toeplitz = all->hfunc & 1; /* ETH_RSS_HASH_TOP */
	out->transform = ((const unsigned char *)all)[TRANSFORM_AT] &
			 (RSS_TRANSFORM_XOR | RSS_TRANSFORM_OR_XOR);
	out->table_n = all->indir_size;
	out->key_n = all->key_size;
	memcpy(out->table, all->rss_config, table);
	memcpy(out->key, (const char *)all->rss_config + table, all->key_size);
	return 0;
}

static void rss_fields(const char *nic, uint32_t flow, struct rss_fields *out)
{
	struct ethtool_rxnfc request = { .cmd = ETHTOOL_GRXFH, .flow_type = flow };

	if (feature_ioctl(nic, &request) < 0)
		return;
	*out = (struct rss_fields){ .known = true,
				    .source = request.data & RXH_IP_SRC,
				    .destination = request.data & RXH_IP_DST,
				    .source_port = request.data & RXH_L4_B_0_1,
				    .destination_port = request.data & RXH_L4_B_2_3 };
}

int rss_read(const char *nic, struct rss *out, struct error *err)
{
	int r;

	memset(out, 0, sizeof(*out));
	r = rss_queues(nic, out);
	if (r < 0)
		return error_set(err, -r, "read the queues of '%s'", nic);
	r = rss_hash(nic, out, err);
	if (r < 0)
		return r;
	rss_fields(nic, TCP_V4_FLOW, &out->fields[RSS_IPV4]);
	rss_fields(nic, TCP_V6_FLOW, &out->fields[RSS_IPV6]);
	return 0;
}
