/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns how many queues a NIC uses: ethtool's channels, by netlink or ioctl. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdlib.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/netlink.h"
#include "helpers/nic/feature.h"
#include "helpers/nic/prior.h"
#include "helpers/nic/queues.h"

#define CHANNELS_REFUSED "the driver of '%s' does not take %u queues"

static int channels_read(const char *nic, struct ethtool_channels *out, struct error *err)
{
	int r;

	*out = (struct ethtool_channels){ .cmd = ETHTOOL_GCHANNELS };
	r = feature_ioctl(nic, out);
	return r < 0 ? error_set(err, -r, "read the channels of '%s'", nic) : 0;
}

static bool channels_same(const struct ethtool_channels *a,
			  const struct ethtool_channels *b)
{
	return a->combined_count == b->combined_count && a->rx_count == b->rx_count &&
	       a->tx_count == b->tx_count;
}

/* Receive queues. */
static unsigned int channels_receive(const struct ethtool_channels *c)
{
	return c->combined_count + c->rx_count;
}

/* n queues of each direction: combined ones where the driver has such. */
static void channels_want(struct ethtool_channels *c, unsigned int n)
{
	bool combined = c->max_combined > 0;

	c->combined_count = combined ? n : 0;
	c->rx_count = combined ? 0 : n;
	c->tx_count = combined ? 0 : n;
}

/* -EOPNOTSUPP: this kernel has no ethtool netlink. */
static int channels_netlink(const char *nic, const struct ethtool_channels *now,
			    const struct ethtool_channels *to, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct nl_msg *msg;
	struct nlattr *header;
	int family, r = netlink_open_generic(&nl, err);

	if (r < 0)
		return r;
	family = genl_ctrl_resolve(netlink_sock(nl), ETHTOOL_GENL_NAME);
	if (family < 0)
		return -EOPNOTSUPP;
	msg = nlmsg_alloc();
	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_ACK,
				 ETHTOOL_MSG_CHANNELS_SET, ETHTOOL_GENL_VERSION))
		abort();
	header = nla_nest_start(msg, ETHTOOL_A_CHANNELS_HEADER);
	nla_put_string(msg, ETHTOOL_A_HEADER_DEV_NAME, nic);
	nla_nest_end(msg, header);
	if (to->rx_count != now->rx_count)
		nla_put_u32(msg, ETHTOOL_A_CHANNELS_RX_COUNT, to->rx_count);
	if (to->tx_count != now->tx_count)
		nla_put_u32(msg, ETHTOOL_A_CHANNELS_TX_COUNT, to->tx_count);
	if (to->combined_count != now->combined_count)
		nla_put_u32(msg, ETHTOOL_A_CHANNELS_COMBINED_COUNT, to->combined_count);
	return netlink_send(nl, msg, err, CHANNELS_REFUSED, nic, channels_receive(to));
}

/* A table that points past the queues to come forbids them. */
static int channels_fit(const char *nic, unsigned int queues, struct error *err)
{
	_cleanup_free_ struct rss *rss = memory_new(1, sizeof(*rss));
	bool fits = true;
	int r = rss_read(nic, rss, err);

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < rss->table_n; i++) {
		fits = fits && rss->table[i] < queues;
		rss->table[i] %= queues;
	}
	return fits ? 0 : rss_write(nic, rss, err);
}

/* Devices may forget the table with the change, while the driver still reads it out. */
static int channels_remind(const char *nic, struct error *err)
{
	_cleanup_free_ struct rss *rss = memory_new(1, sizeof(*rss));
	int r = rss_read(nic, rss, err);

	return r < 0 || !rss->table_n ? r : rss_write(nic, rss, err);
}

static int channels_set(const char *nic, const struct ethtool_channels *now,
			const struct ethtool_channels *to, struct error *err)
{
	struct ethtool_channels set = *to;
	int r = channels_fit(nic, channels_receive(to), err);

	if (r < 0)
		return error_wrap(err, "make the indirection table fit %u queues",
				  channels_receive(to));
	r = channels_netlink(nic, now, to, err);
	if (r != -EOPNOTSUPP)
		return r;
	set.cmd = ETHTOOL_SCHANNELS;
	r = feature_ioctl(nic, &set);
	return r < 0 ? error_set(err, -r, CHANNELS_REFUSED, nic, channels_receive(to))
		     : 0;
}

int nic_channels_record(const struct nic_queues *q, json_t **out, struct error *err)
{
	return prior_record(q->name,
			    PRIOR_CHANNELS | PRIOR_FIELDS | PRIOR_RSS | PRIOR_IRQ |
				    PRIOR_XPS | PRIOR_RPS,
			    out, err);
}

int nic_channels_apply(const struct nic_queues *q, struct error *err)
{
	struct ethtool_channels now, to;
	int r = channels_read(q->name, &now, err);

	if (r < 0)
		return r;
	to = now;
	channels_want(&to, q->n);
	if (channels_same(&now, &to))
		return 0;
	r = channels_set(q->name, &now, &to, err);
	return r < 0 ? r : channels_remind(q->name, err);
}

int nic_channels_probe(const struct nic_queues *q, enum step_state *state,
		       struct text *detail, struct error *err)
{
	struct ethtool_channels now, to;
	int r = channels_read(q->name, &now, err);

	*state = STEP_ABSENT;
	if (r == -ENODEV) {
		text_line(detail, "there is no interface '%s'", q->name);
		return 0;
	}
	if (r < 0)
		return r;
	to = now;
	channels_want(&to, q->n);
	if (channels_same(&now, &to))
		*state = STEP_PRESENT;
	else
		text_line(detail, "'%s' uses %u queues, not %u", q->name,
			  channels_receive(&now), q->n);
	return 0;
}

void nic_channels_describe(const struct nic_queues *q, struct text *out)
{
	struct error ignored = { 0 };
	struct ethtool_channels now;

	if (!channels_read(q->name, &now, &ignored) && !now.max_combined)
		text_line(out, "ethtool -L %s rx %u tx %u", q->name, q->n, q->n);
	else
		text_line(out, "ethtool -L %s combined %u", q->name, q->n);
}

int channels_prior(int root, const char *nic, json_t **out, struct error *err)
{
	struct ethtool_channels now;
	int r = channels_read(nic, &now, err);

	(void)root;
	if (r < 0)
		return r;
	*out = json_pack("{s:i, s:i, s:i}", "combined", (int)now.combined_count, "rx",
			 (int)now.rx_count, "tx", (int)now.tx_count);
	return 0;
}

static unsigned int prior_number(const json_t *prior, const char *key)
{
	return (unsigned int)json_integer_value(json_object_get(prior, key));
}

int channels_restore(int root, const char *nic, const json_t *prior, bool *moved,
		     struct error *err)
{
	struct ethtool_channels now, to;
	int r = channels_read(nic, &now, err);

	(void)root;
	if (r < 0)
		return r;
	to = now;
	to.combined_count = prior_number(prior, "combined");
	to.rx_count = prior_number(prior, "rx");
	to.tx_count = prior_number(prior, "tx");
	if (channels_same(&now, &to))
		return 0;
	*moved = true;
	return channels_set(nic, &now, &to, err);
}
