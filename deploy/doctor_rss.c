/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the check of a NIC's receive hashing: both directions of a flow on one queue. */
#include <stdio.h>
#include <string.h>

#include "deploy/doctor.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

/* The family whose fields the hash takes of one end alone; NULL: of both, or unknown. */
static const char *rss_one_sided(const struct rss *rss)
{
	static const char *const names[RSS_FAMILIES] = { "tcp4", "tcp6" };

	for (int f = 0; f < RSS_FAMILIES; f++) {
		const struct rss_fields *its = &rss->fields[f];

		if (its->known && (its->source != its->destination ||
				   its->source_port != its->destination_port))
			return names[f];
	}
	return NULL;
}

const char *doctor_rss_fault(const struct rss *rss)
{
	if (rss->queues < 2 || !rss->table_n)
		return NULL;
	if (rss_one_sided(rss))
		return "hashes one end of a connection alone";
	if (rss_is_symmetric(rss))
		return NULL;
	/* Of a driver that shows no key nothing is known. */
	return rss->key_n ? "hashes the two directions of a flow differently" : NULL;
}

static void rss_evidence(const struct rss *rss, const char *nic, struct text *out)
{
	const char *family = rss_one_sided(rss);

	text_add(out, "ethtool -x %s: %u queues, %s, key ", nic, rss->queues,
		 rss->toeplitz ? "toeplitz" : "another function");
	for (unsigned int i = 0; i < rss->key_n && i < 6; i++)
		text_add(out, "%s%02x", i ? ":" : "", rss->key[i]);
	text_add(out, "...%s", rss->transform ? ", with a transform" : "");
	if (family)
		text_add(out, "; ethtool -n %s rx-flow-hash %s: not both ends", nic,
			 family);
}

/* The command that makes the hash symmetric, by a key as long as the driver's own. */
static void rss_mend(const struct rss *rss, const char *nic, struct text *out)
{
	const char *family = rss_one_sided(rss);
	struct rss key = { .key_n = rss->key_n };

	if (family) {
		text_add(out, "ethtool -N %s rx-flow-hash %s sdfn", nic, family);
		return;
	}
	text_add(out, "ethtool -X %s hkey ", nic);
	rss_key_symmetric(&key);
	for (unsigned int i = 0; i < key.key_n; i++)
		text_add(out, "%s%02x", i ? ":" : "", key.key[i]);
	text_add(out, " equal %u", rss->queues);
}

static int nic_rss(struct doctor *d, const char *nic, struct error *err)
{
	_cleanup_free_ struct rss *rss = memory_new(1, sizeof(*rss));
	const char *fault;
	struct doctor_finding *f;
	int r = rss_read(nic, rss, err);

	fault = r < 0 ? NULL : doctor_rss_fault(rss);
	if (!fault)
		return r;
	/* As configured, then: worth knowing when its figures are read. */
	f = doctor_find(d, d->plan.config.rss == RSS_ASYMMETRIC ? DOCTOR_NOTE
								: DOCTOR_WARNING);
	text_add(&f->what, "'%s' %s", nic, fault);
	rss_evidence(rss, nic, &f->read);
	text_add(&f->why,
		 "What a client sends and what the server answers then arrive on "
		 "two cores, and the connection's state moves between them.");
	if (d->plan.config.rss == RSS_ASYMMETRIC)
		text_add(&f->mend, "nothing, as placement.rss = asymmetric wants it");
	else
		rss_mend(rss, nic, &f->mend);
	return 0;
}

int doctor_nic_rss(struct doctor *d, struct error *err)
{
	const char *nic[SIDES];
	int n = doctor_nics(d, nic), r = 0;

	for (int i = 0; i < n && !r; i++)
		r = nic_rss(d, nic[i], err);
	return r;
}
