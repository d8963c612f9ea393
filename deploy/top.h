/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A blade at work: its counters, and what they come to between two readings. */
#ifndef DEPLOY_TOP_H
#define DEPLOY_TOP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "deploy/plan.h"
#include "helpers/error.h"
#include "helpers/text.h"
#include "tc/residence.h"

#define TOP_STATS_MS 100 /* what an instance may take to answer */

/* Of a core, all counted up since boot, but accepted and local since top began. */
struct top_core {
	bool online;
	uint64_t softirq, busy, ticks;       /* clock ticks; of /proc/stat */
	uint64_t packets, dropped, squeezed; /* of /proc/net/softnet_stat */
	uint64_t interrupts;                 /* of the NICs' own vectors */
	uint64_t accepted, local;            /* see haproxy_locality_open */
};

/* Of an instance of the present generation, counted up since it started. */
struct top_instance {
	bool answers; /* now */
	bool known;   /* its counters are, as they were when it last answered */
	pid_t pid;    /* whose they are */
	unsigned int connections; /* now */
	uint64_t total, bytes_in,
		bytes_out; /* connections, and bytes from and to clients */
};

/* The generations that a change left: retiring ones may still accept, finishing ones not.
 */
struct top_leaving {
	bool known; /* the supervisor has told */
	unsigned int generations, connections;
	unsigned int silent; /* instances that do not tell: connections are not known */
};

struct top_sample {
	double at;   /* seconds, monotonic */
	double when; /* seconds since 1970 */
	struct top_core core[CPULIST_MAX];
	struct top_instance instance[HAPROXY_INSTANCES_MAX];
	/* Received packets of queue q of NIC i (1: the server side's, where it is
	 * another). */
	uint64_t queue[SIDES][CONFIG_QUEUES_MAX];
	uint64_t nic_drops;    /* received and lost, or not sent, by NICs and host ends */
	uint64_t listen_drops; /* connections lost in the listening queues */
	struct top_leaving leaving;            /* now */
	struct residence_way residence[SIDES]; /* since top began, by side it goes to */
};

/* What is read, and from where. */
struct top_source {
	const char *name;         /* the blade's */
	struct step_context plan; /* as its configuration is now */
	struct timespec planned;  /* when that was written */
	int root, nsfd;
	struct haproxy_locality *locality; /* NULL: the kernel cannot */
	char locality_why[256];            /* then why */
	struct residence *residence;       /* NULL: not asked for */
	double ask_again; /* when the supervisor may be asked, after it did not answer */
	unsigned int queues[SIDES]; /* that count their packets */
	unsigned int *irq;          /* of the NICs, ascending */
	size_t n_irq;
};

/* -ENOENT: the blade is not up. *out is the caller's: top_close. */
int top_open(const char *name, struct top_source **out, struct error *err);
void top_close(struct top_source *s);
/* --latency: the probe is on the NICs from now on, until top_close or the process's end.
 */
int top_latency_open(struct top_source *s, struct error *err);
/* What it has counted; nothing where it was not opened. */
void top_latency_read(const struct top_source *s, struct top_sample *out);
/* "residence" of the tree: {"to_server": {...}, "to_client": {...}}. */
json_t *top_latency_tree(const struct top_sample *from, const struct top_sample *to);
/* Its two lines for people; none where the tree has none. */
void top_latency_text(const json_t *tree, struct text *out);
/* What leaves; nothing known where no supervisor answers. After out->at is set. */
void top_leaving_read(struct top_source *s, struct top_sample *out);
/* "leaving_generations" and "leaving_connections" of "total", null: not known. */
void top_leaving_tree(const struct top_sample *to, json_t *total);
/* A line for people where there are any. */
void top_leaving_text(const json_t *total, struct text *out);
/* Plans anew where the blade's configuration was changed (`hapep up`, `scenario`). */
void top_refresh(struct top_source *s);

/*
 * Reads all counters; what cannot be read stays zero, and of an instance that does not
 * answer as it was before (NULL: nothing was read before).
 */
void top_read(struct top_source *s, const struct top_sample *before,
	      struct top_sample *out);

/*
 * One interval as a tree: {"blade", "time", "interval_s", "total": {...}, "cores":
 * [...]}. Rates end in _s and are per second; shares are 0 to 1; null: not known here. A
 * core is in it that has a queue or an instance by the placement, or has accepted,
 * dropped or been interrupted by the NIC.
 */
json_t *top_tree(const struct top_source *s, const struct top_sample *from,
		 const struct top_sample *to);

/* The same for people: a few lines of totals and a table. */
void top_text(const json_t *tree, struct text *out);

#endif
