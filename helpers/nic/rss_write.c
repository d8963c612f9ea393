/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns telling a NIC its indirection table and hash key. */
#include <errno.h>
#include <linux/ethtool.h>
#include <string.h>
#include <sys/random.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/nic/feature.h"
#include "helpers/nic/prior.h"
#include "helpers/nic/queues.h"

#define HASH_TOEPLITZ 1 /* ETH_RSS_HASH_TOP, which is the kernel's own header's alone */

int rss_write(const char *nic, const struct rss *to, struct error *err)
{
	size_t table = to->table_n * sizeof(to->table[0]);
	_cleanup_free_ struct ethtool_rxfh *all =
		memory_new(1, sizeof(*all) + table + to->key_n);
	int r;

	all->cmd = ETHTOOL_SRSSH;
	all->indir_size = to->table_n;
	all->key_size = to->key_n;
	all->hfunc = (unsigned char)to->function;
	((unsigned char *)&all->hfunc)[1] = (unsigned char)to->transform;
	memcpy(all->rss_config, to->table, table);
	memcpy((char *)all->rss_config + table, to->key, to->key_n);
	r = feature_ioctl(nic, all);
	return r < 0 ? error_set(err, -r, "set the indirection table and key of '%s'",
				 nic)
		     : 0;
}

/*
 * The table that the kernel fills by itself, so that it follows the number of queues
 * again. Alone: with it, the kernel would look for a key behind a table that is not
 * there.
 */
static int rss_reset_table(const char *nic, unsigned int transform, struct error *err)
{
	struct ethtool_rxfh reset = { .cmd = ETHTOOL_SRSSH };
	int r;

	((unsigned char *)&reset.hfunc)[1] = (unsigned char)transform;
	r = feature_ioctl(nic, &reset);
	return r < 0 ? error_set(err, -r, "reset the indirection table of '%s'", nic) : 0;
}

/*
 * The key of Woo and Park: with a period of 16 bits, what is exchanged (addresses, and
 * ports) gives the same hash.
 */
void rss_key_symmetric(struct rss *rss)
{
	for (unsigned int i = 0; i < rss->key_n; i++)
		rss->key[i] = i % 2 ? 0x5a : 0x6d;
}

static bool rss_key_repeats(const struct rss *rss)
{
	for (unsigned int i = 2; i < rss->key_n; i++) {
		if (rss->key[i] != rss->key[i - 2])
			return false;
	}
	return rss->key_n > 2;
}

bool rss_is_symmetric(const struct rss *rss)
{
	return rss->transform || (rss->toeplitz && rss_key_repeats(rss));
}

/* What the plan wants of what is there; its transform is the caller's to choose. */
static int rss_want(const struct nic_queues *q, struct rss *rss, struct error *err)
{
	bool symmetric = rss_is_symmetric(rss);

	for (unsigned int i = 0; i < rss->table_n; i++)
		rss->table[i] = i % q->n;
	rss->function = HASH_TOEPLITZ;
	if (symmetric == q->symmetric)
		return 0;
	rss->transform = 0;
	if (!rss->key_n)
		return error_say(err, EOPNOTSUPP,
				 "the driver of '%s' has no key that could be set: "
				 "placement.rss = off leaves the NIC's queues alone",
				 q->name);
	if (q->symmetric)
		rss_key_symmetric(rss);
	else if (rss_key_repeats(rss) &&
		 getrandom(rss->key, rss->key_n, 0) != (ssize_t)rss->key_n)
		return error_set(err, errno, "draw a random key");
	return 0;
}

int nic_rss_record(const struct nic_queues *q, json_t **out, struct error *err)
{
	return prior_record(q->name, PRIOR_RSS, out, err);
}

/* The driver's own transform first: it takes any key, so the hash stays unknown. */
static int rss_try_transform(const struct nic_queues *q, const struct rss *now)
{
	_cleanup_free_ struct rss *rss = memory_new(1, sizeof(*rss));
	struct error ignored = { 0 };

	*rss = *now;
	for (unsigned int i = 0; i < rss->table_n; i++)
		rss->table[i] = i % q->n;
	rss->function = HASH_TOEPLITZ;
	rss->transform = RSS_TRANSFORM_XOR;
	return rss_write(q->name, rss, &ignored);
}

int nic_rss_apply(const struct nic_queues *q, struct error *err)
{
	_cleanup_free_ struct rss *rss = memory_new(1, sizeof(*rss));
	int r = rss_read(q->name, rss, err);

	if (r < 0)
		return r;
	if (q->symmetric && !rss_is_symmetric(rss) && !rss_try_transform(q, rss))
		return 0;
	r = rss_want(q, rss, err);
	if (!r)
		r = rss_write(q->name, rss, err);
	return r < 0 ? error_wrap(err,
				  "the driver refuses (placement.rss = off leaves the "
				  "NIC's queues alone)")
		     : 0;
}

int nic_rss_probe(const struct nic_queues *q, enum step_state *state, struct text *detail,
		  struct error *err)
{
	_cleanup_free_ struct rss *rss = memory_new(1, sizeof(*rss));
	bool table = true;
	int r = rss_read(q->name, rss, err);

	*state = STEP_ABSENT;
	if (r == -ENODEV) {
		text_line(detail, "there is no interface '%s'", q->name);
		return 0;
	}
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < rss->table_n; i++)
		table = table && rss->table[i] == i % q->n;
	if (!table)
		text_line(detail, "the table of '%s' is not spread over %u queues",
			  q->name, q->n);
	if (rss_is_symmetric(rss) != q->symmetric)
		text_line(detail, "the RSS of '%s' is %ssymmetric", q->name,
			  q->symmetric ? "not " : "");
	if (!detail->length)
		*state = STEP_PRESENT;
	return 0;
}

void nic_rss_describe(const struct nic_queues *q, struct text *out)
{
	_cleanup_free_ struct rss *rss = memory_new(1, sizeof(*rss));
	struct error ignored = { 0 };

	if (rss_read(q->name, rss, &ignored) < 0 ||
	    rss_is_symmetric(rss) == q->symmetric) {
		text_line(out, "ethtool -X %s equal %u", q->name, q->n);
		return;
	}
	if (q->symmetric) {
		text_line(out, "ethtool -X %s equal %u xfrm symmetric-xor # or, without:",
			  q->name, q->n);
		rss_key_symmetric(rss);
	}
	text_add(out, "ethtool -X %s equal %u hkey ", q->name, q->n);
	if (!q->symmetric)
		text_line(out, "$(random)");
	for (unsigned int i = 0; i < rss->key_n && q->symmetric; i++)
		text_add(out, "%02x%s", rss->key[i], i + 1 < rss->key_n ? ":" : "\n");
}

int rss_prior(int root, const char *nic, json_t **out, struct error *err)
{
	_cleanup_free_ struct rss *rss = memory_new(1, sizeof(*rss));
	char key[2 * RSS_KEY_MAX + 1] = "";
	json_t *table;
	int r = rss_read(nic, rss, err);

	(void)root;
	if (r < 0)
		return r;
	if (!rss->table_n) {
		*out = json_null();
		return 0;
	}
	table = json_array();
	for (unsigned int i = 0; i < rss->table_n; i++)
		json_array_append_new(table, json_integer(rss->table[i]));
	for (unsigned int i = 0; i < rss->key_n; i++)
		snprintf(key + 2 * i, 3, "%02x", rss->key[i]);
	*out = json_pack("{s:i, s:i, s:o, s:s}", "function", (int)rss->function,
			 "transform", (int)rss->transform, "table", table, "key", key);
	return 0;
}

/* -EBADMSG: the record is damaged. */
static int rss_from(const json_t *prior, struct rss *out)
{
	const char *key = json_string_value(json_object_get(prior, "key"));
	const json_t *table = json_object_get(prior, "table"), *slot;
	size_t i;

	out->table_n = (unsigned int)json_array_size(table);
	out->key_n = key ? (unsigned int)strlen(key) / 2 : 0;
	if (!key || !out->table_n || out->table_n > RSS_TABLE_MAX ||
	    out->key_n > RSS_KEY_MAX)
		return -EBADMSG;
	out->function = (unsigned int)json_integer_value(json_object_get(prior, "funct"
										"ion"));
	out->transform =
		(unsigned int)json_integer_value(json_object_get(prior, "transform"));
	json_array_foreach(table, i, slot)
	{
		out->table[i] = (uint32_t)json_integer_value(slot);
	}
	for (i = 0; i < out->key_n; i++) {
		unsigned int byte;

		if (sscanf(key + 2 * i, "%2x", &byte) != 1)
			return -EBADMSG;
		out->key[i] = (unsigned char)byte;
	}
	return 0;
}

/* The table that a driver starts with, which is also how the kernel resets one. */
static bool table_is_plain(const struct rss *was, unsigned int queues)
{
	for (unsigned int i = 0; i < was->table_n; i++) {
		if (was->table[i] != i % queues)
			return false;
	}
	return true;
}

int rss_restore(int root, const char *nic, const json_t *prior, bool *moved,
		struct error *err)
{
	_cleanup_free_ struct rss *was = memory_new(1, sizeof(*was));
	_cleanup_free_ struct rss *now = memory_new(1, sizeof(*now));
	int r = rss_from(prior, was);

	(void)root;
	if (r < 0)
		return error_say(err, EBADMSG,
				 "the journal's record of the RSS of '%s' is damaged",
				 nic);
	r = rss_read(nic, now, err);
	if (r < 0)
		return r;
	if (!*moved && now->table_n == was->table_n && now->key_n == was->key_n &&
	    now->function == was->function && now->transform == was->transform &&
	    !memcmp(now->table, was->table, was->table_n * sizeof(was->table[0])) &&
	    !memcmp(now->key, was->key, was->key_n))
		return 0;
	/* Fewer queues than then: the record of the channels has the rest. */
	for (unsigned int i = 0; i < was->table_n; i++)
		was->table[i] %= now->queues;
	if (now->function == was->function)
		was->function = 0; /* no change: some drivers take nothing else */
	r = rss_write(nic, was, err);
	if (!r && table_is_plain(was, now->queues))
		r = rss_reset_table(nic, was->transform, err);
	return r;
}
