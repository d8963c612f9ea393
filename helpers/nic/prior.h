/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a NIC was told before: each noun's values written down, and put back. */
#ifndef HELPERS_NIC_PRIOR_H
#define HELPERS_NIC_PRIOR_H

#include <jansson.h>
#include <stdbool.h>

#include "helpers/error.h"
#include "helpers/nic/rss.h"

/* In the order in which they are put back. */
enum prior_noun {
	PRIOR_QDISC = 1,
	PRIOR_CHANNELS = 2,
	PRIOR_FIELDS = 4,
	PRIOR_RSS = 8,
	PRIOR_IRQ = 16,
	PRIOR_XPS = 32,
	PRIOR_RPS = 64,
};

/*
 * The values as JSON: a record for the journal. root: "/" or a test's. What the NIC does
 * not have is null.
 */
int qdisc_prior(int root, const char *nic, json_t **out, struct error *err);
int channels_prior(int root, const char *nic, json_t **out, struct error *err);
int fields_prior(int root, const char *nic, json_t **out, struct error *err);
int rss_prior(int root, const char *nic, json_t **out, struct error *err);
int irq_prior(int root, const char *nic, json_t **out, struct error *err);
int xps_prior(int root, const char *nic, json_t **out, struct error *err);
int rps_prior(int root, const char *nic, json_t **out, struct error *err);

/*
 * Puts them back, and touches nothing that is as it was. *moved: the number of channels
 * changed, so that what the device may have forgotten is written whatever it reads.
 */
int qdisc_restore(int root, const char *nic, const json_t *prior, bool *moved,
		  struct error *err);
int channels_restore(int root, const char *nic, const json_t *prior, bool *moved,
		     struct error *err);
int fields_restore(int root, const char *nic, const json_t *prior, bool *moved,
		   struct error *err);
int rss_restore(int root, const char *nic, const json_t *prior, bool *moved,
		struct error *err);
int irq_restore(int root, const char *nic, const json_t *prior, bool *moved,
		struct error *err);
int xps_restore(int root, const char *nic, const json_t *prior, bool *moved,
		struct error *err);
int rps_restore(int root, const char *nic, const json_t *prior, bool *moved,
		struct error *err);

/* A step's record: the NIC, and what nouns (a set of enum prior_noun) say of it. */
int prior_record(const char *nic, int nouns, json_t **out, struct error *err);

/* Writes table, key, function and transform. */
int rss_write(const char *nic, const struct rss *to, struct error *err);

/* Whether mqprio would help, and what it replaces could be put back exactly. */
bool qdisc_replaceable(const char *nic);

/* How many queues of a direction the NIC has in use: "rx" or "tx". */
unsigned int queues_count(int root, const char *nic, const char *direction);

#endif
