/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading the receive queues' packet counters, however a driver calls them. */
#include "helpers/nic/counter.h"

#include <linux/ethtool.h>
#include <stdio.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/nic/feature.h"

#define COUNTERS_MAX 65536 /* a driver with more of them is mistaken */

int counter_queue_of(const char *name)
{
	static const char *const forms[] = {
		"rx_queue_%u_packets%n", /* virtio_net to 6.8, ixgbe, igb, ice, hv_netvsc
					  */
		"rx%u_packets%n",        /* virtio_net since 6.9, mlx5, qede */
		"rx_%u_packets%n",       /* mana */
		"rx-%u.packets%n",       /* i40e */
		"rx-%u.rx_packets%n",    /* i40e to 4.16 */
		"[%u]: rx_ucast_packets%n", /* bnxt_en */
		"queue_%u_rx_cnt%n",        /* ena */
		"rx_packets[%u]%n",         /* gve */
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		unsigned int queue;
		int end = 0;

/* The forms are ours; the compiler cannot see that each takes one number. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		if (sscanf(name, forms[i], &queue, &end) == 1 && end && !name[end] &&
		    queue < 4096)
			return (int)queue;
#pragma GCC diagnostic pop
	}
	return -1;
}

static uint32_t counter_count(const char *nic)
{
	struct {
		struct ethtool_sset_info head;
		uint32_t length;
	} info = { .head = { .cmd = ETHTOOL_GSSET_INFO,
			     .sset_mask = 1ULL << ETH_SS_STATS } };

	if (feature_ioctl(nic, &info) < 0 || !info.head.sset_mask)
		return 0;
	return info.length < COUNTERS_MAX ? info.length : 0;
}

unsigned int counter_queues(const char *nic, uint64_t *rx, unsigned int n)
{
	uint32_t count = counter_count(nic);
	_cleanup_free_ struct ethtool_gstrings *names =
		memory_new(1, sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
	_cleanup_free_ struct ethtool_stats *values = NULL;
	unsigned int found = 0;

	memset(rx, 0, n * sizeof(*rx));
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_STATS;
	names->len = count;
	if (!count || feature_ioctl(nic, names) < 0)
		return 0;
	/* The driver writes as many as it has by now: room for some more. */
	values = memory_new(1, sizeof(*values) + (count + 1024UL) * sizeof(uint64_t));
	values->cmd = ETHTOOL_GSTATS;
	values->n_stats = count;
	if (feature_ioctl(nic, values) < 0)
		return 0;
	for (uint32_t i = 0; i < count && i < values->n_stats; i++) {
		char name[ETH_GSTRING_LEN + 1];
		int queue;

		snprintf(name, sizeof(name), "%.*s", ETH_GSTRING_LEN,
			 (const char *)names->data + (size_t)i * ETH_GSTRING_LEN);
		queue = counter_queue_of(name);
		if (queue < 0 || (unsigned int)queue >= n)
			continue;
		rx[queue] = ((const uint64_t *)(const void *)values->data)[i];
		found++;
	}
	return found;
}
