/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what a NIC's queues were before they were told anything, and putting it back. */
#include "helpers/nic/queues.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/file.h"
#include "helpers/memory.h"
#include "helpers/nic/irq.h"
#include "helpers/nic/prior.h"
#include "helpers/setting.h"

static const struct noun {
	enum prior_noun bit;
	const char *key;
	int (*prior)(int root, const char *nic, json_t **out, struct error *err);
	int (*restore)(int root, const char *nic, const json_t *prior, bool *moved,
		       struct error *err);
} nouns_all[] = {
	{ PRIOR_QDISC, "qdisc", qdisc_prior, qdisc_restore },
	{ PRIOR_CHANNELS, "channels", channels_prior, channels_restore },
	{ PRIOR_FIELDS, "fields", fields_prior, fields_restore },
	{ PRIOR_RSS, "rss", rss_prior, rss_restore },
	{ PRIOR_IRQ, "irq", irq_prior, irq_restore },
	{ PRIOR_XPS, "xps", xps_prior, xps_restore },
	{ PRIOR_RPS, "rps", rps_prior, rps_restore },
};

#define NOUNS (sizeof(nouns_all) / sizeof(nouns_all[0]))

int prior_record(const char *nic, int nouns, json_t **out, struct error *err)
{
	_cleanup_close_ int root = setting_root(err);
	json_t *prior;
	int r = root < 0 ? root : 0;

	if (r < 0)
		return r;
	if (!if_nametoindex(nic))
		return error_say(err, ENODEV, "there is no interface '%s'", nic);
	prior = json_object();
	for (size_t i = 0; i < NOUNS && !r; i++) {
		json_t *one = NULL;

		if (!(nouns & (int)nouns_all[i].bit))
			continue;
		r = nouns_all[i].prior(root, nic, &one, err);
		if (!r)
			json_object_set_new(prior, nouns_all[i].key, one);
	}
	if (r < 0) {
		json_decref(prior);
		return r;
	}
	*out = json_pack("{s:s, s:i, s:o}", "name", nic, "ifindex",
			 (int)if_nametoindex(nic), "prior", prior);
	return 0;
}

/* Goes on past failures: what can be put back is. */
int nic_queues_undo(const json_t *record, struct error *err)
{
	const json_t *prior = json_object_get(record, "prior");
	int ifindex = (int)json_integer_value(json_object_get(record, "ifindex"));
	_cleanup_close_ int root = setting_root(err);
	char name[IFNAMSIZ];
	struct error one = { 0 };
	bool moved = false;
	int first = 0;

	if (root < 0)
		return root;
	if (!json_is_object(prior) || ifindex <= 0)
		return error_say(err, EBADMSG,
				 "the journal's record of a NIC's queues is damaged");
	/* Gone, or in another namespace; by its new name where it was renamed. */
	if (!if_indextoname((unsigned int)ifindex, name))
		return 0;
	for (size_t i = 0; i < NOUNS; i++) {
		const json_t *was = json_object_get(prior, nouns_all[i].key);
		int r;

		if (!was || json_is_null(was))
			continue;
		r = nouns_all[i].restore(root, name, was, &moved, &one);
		if (r < 0 && !first) {
			first = r;
			error_say(err, one.code, "%s", one.msg);
		}
	}
	return first;
}

unsigned int queues_count(int root, const char *nic, const char *direction)
{
	unsigned int n = 0;
	char path[96], text[SETTING_SIZE];
	const char *file = strcmp(direction, "rx") ? "tx_timeout" : "rps_cpus";

	for (;; n++) {
		snprintf(path, sizeof(path), "sys/class/net/%s/queues/%s-%u/%s", nic,
			 direction, n, file);
		if (file_read(root, path, text, sizeof(text)) < 0)
			return n;
	}
}

static bool ask_file(int root, const char *nic, const char *file)
{
	char path[96], text[SETTING_SIZE];

	snprintf(path, sizeof(path), "sys/class/net/%s/%s", nic, file);
	return file_read(root, path, text, sizeof(text)) >= 0;
}

static bool ask_vectors(int root, const char *nic)
{
	_cleanup_free_ struct nic_vector *vector = NULL;
	struct error ignored = { 0 };
	bool known = false;
	size_t n = 0;

	nic_vectors(root, nic, &vector, &n, &ignored);
	for (size_t i = 0; i < n; i++)
		known = known || vector[i].queue >= 0;
	return known;
}

/* What is a file at all times of a device: its bus's word on it. */
bool nic_has_device(const char *nic)
{
	_cleanup_close_ int root = setting_root(NULL);

	return root >= 0 && ask_file(root, nic, "device/uevent");
}

int nic_queues_ask(struct nic_queues *q, struct error *err)
{
	_cleanup_close_ int root = setting_root(err);
	struct rss *rss;
	int r;

	q->can = (struct nic_ability){ 0 };
	if (root < 0)
		return root;
	q->can.device = nic_has_device(q->name);
	if (!q->can.device)
		return if_nametoindex(q->name)
			       ? 0
			       : error_say(err, ENODEV, "there is no interface '%s'",
					   q->name);
	rss = memory_new(1, sizeof(*rss));
	r = rss_read(q->name, rss, err);
	q->can.channels = rss->table_n && rss->queues_most > 1;
	q->can.table = rss->table_n > 0;
	q->can.fields = rss->table_n && rss->fields[RSS_IPV4].known;
	free(rss);
	q->can.vectors = ask_vectors(root, q->name);
	q->can.xps = ask_file(root, q->name, "queues/tx-0/xps_cpus");
	q->can.rps = ask_file(root, q->name, "queues/rx-0/rps_cpus");
	q->can.mqprio = q->can.xps && qdisc_replaceable(q->name);
	return r;
}
