/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading and setting offload features by name (ETHTOOL_GFEATURES, SFEATURES). */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/nic/feature.h"

#define FEATURE_BITS 32 /* of one block */

int feature_ioctl(const char *nic, void *argument)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_data = argument };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", nic);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0)
		return -errno;
	return 0;
}

static int feature_count(const char *nic, __u32 *count)
{
	struct {
		struct ethtool_sset_info head;
		__u32 length;
	} info = { .head = { .cmd = ETHTOOL_GSSET_INFO,
			     .sset_mask = 1ULL << ETH_SS_FEATURES } };
	int r = feature_ioctl(nic, &info);

	*count = !r && info.head.sset_mask ? info.length : 0;
	return r;
}

/* The feature's bit; -ENOENT: the kernel knows none of that name. */
static int feature_index(const char *nic, const char *feature, __u32 count)
{
	_cleanup_free_ struct ethtool_gstrings *names =
		memory_new(1, sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
	int r;

	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = count;
	r = feature_ioctl(nic, names);
	for (__u32 i = 0; i < names->len && !r; i++) {
		const char *name =
			(const char *)names->data + (size_t)i * ETH_GSTRING_LEN;

		if (!strncmp(name, feature, ETH_GSTRING_LEN))
			return (int)i;
	}
	return r < 0 ? r : -ENOENT;
}

/* Finds the bit and how many blocks of features this kernel has. */
static int feature_find(const char *nic, const char *feature, __u32 *blocks)
{
	__u32 count = 0;
	int r = feature_count(nic, &count);

	*blocks = (count + FEATURE_BITS - 1) / FEATURE_BITS;
	return r < 0 ? r : feature_index(nic, feature, count);
}

int feature_read(const char *nic, const char *feature, struct feature *out,
		 struct error *err)
{
	_cleanup_free_ struct ethtool_gfeatures *all = NULL;
	const struct ethtool_get_features_block *block;
	__u32 blocks = 0, bit;
	int index = feature_find(nic, feature, &blocks);
	int r;

	*out = (struct feature){ .known = index >= 0 };
	if (index == -ENOENT || index == -EOPNOTSUPP)
		return 0;
	if (index < 0)
		return error_set(err, -index, "read the features of '%s'", nic);
	all = memory_new(1, sizeof(*all) + blocks * sizeof(all->features[0]));
	all->cmd = ETHTOOL_GFEATURES;
	all->size = blocks;
	r = feature_ioctl(nic, all);
	if (r < 0)
		return error_set(err, -r, "read the features of '%s'", nic);
	block = &all->features[index / FEATURE_BITS];
	bit = 1U << (index % FEATURE_BITS);
	out->active = block->active & bit;
	out->requested = block->requested & bit;
	out->changeable = (block->available & bit) && !(block->never_changed & bit);
	return 0;
}

int feature_set(const char *nic, const char *feature, bool on, struct error *err)
{
	_cleanup_free_ struct ethtool_sfeatures *all = NULL;
	struct feature now;
	__u32 blocks = 0, bit;
	int index = feature_find(nic, feature, &blocks);
	int r;

	if (index < 0)
		return error_set(err, -index, "find feature %s of '%s'", feature, nic);
	all = memory_new(1, sizeof(*all) + blocks * sizeof(all->features[0]));
	bit = 1U << (index % FEATURE_BITS);
	all->cmd = ETHTOOL_SFEATURES;
	all->size = blocks;
	all->features[index / FEATURE_BITS].valid = bit;
	all->features[index / FEATURE_BITS].requested = on ? bit : 0;
	r = feature_ioctl(nic, all);
	if (r < 0)
		return error_set(err, -r, "turn %s of '%s' %s", feature, nic,
				 on ? "on" : "off");
	/* The ioctl succeeds even where the driver does otherwise. */
	r = feature_read(nic, feature, &now, err);
	if (!r && now.active != on)
		r = error_say(err, EOPNOTSUPP,
			      "turn %s of '%s' %s: the driver keeps it %s", feature, nic,
			      on ? "on" : "off", on ? "off" : "on");
	return r;
}
