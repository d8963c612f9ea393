/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be wrong with a blade: each check, its evidence, and what mends it. */
#ifndef DEPLOY_DOCTOR_H
#define DEPLOY_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "deploy/plan.h"
#include "helpers/error.h"
#include "helpers/nic/rss.h"
#include "helpers/text.h"

enum doctor_severity {
	DOCTOR_NOTE,    /* worth knowing; nothing has to be done */
	DOCTOR_WARNING, /* it costs performance, or will fail under load */
	DOCTOR_FAULT,   /* traffic is lost or goes wrong */
};

struct doctor_finding {
	const char *check;
	enum doctor_severity severity;
	struct text what; /* one clause */
	struct text read; /* the evidence: where from, and the value */
	struct text why;  /* one sentence */
	struct text mend; /* the command that mends it, or what else to do */
};

/* What the checks see. Tests fill in the descriptors of their fixtures. */
struct doctor {
	const char *name;         /* the blade's */
	bool up;                  /* it has a namespace: nsfd or inside is open */
	bool planned;             /* plan is there */
	struct step_context plan; /* with its HAProxy's version where it could be asked */
	int root;                 /* the machine's /, for its /proc and /sys */
	int nsfd;                 /* the namespace; -1: none */
	int inside;  /* a fixture's / as seen in the namespace; -1: nsfd is entered */
	int statefd; /* the state directory; -1: none */
	pid_t pid[HAPROXY_INSTANCES_MAX]; /* of the living instances */
	unsigned int n_pids;
	unsigned int pipes_used; /* by all instances */
	struct doctor_finding *finding;
	size_t n;
	const char *check; /* the one that runs */
};

enum doctor_need {
	DOCTOR_ANYWHERE, /* the machine alone */
	DOCTOR_PLAN,     /* a plan: which NICs, which CPUs */
	DOCTOR_INSIDE,   /* a plan and the namespace */
};

struct doctor_check {
	const char *name;
	const char *summary; /* what it looks for, a phrase */
	enum doctor_need need;
	/* Adds findings; a failure is what keeps it from being asked. */
	int (*run)(struct doctor *d, struct error *err);
};

extern const struct doctor_check doctor_checks[];
extern const size_t doctor_checks_n;

/* A new finding of the running check; its texts are the caller's to fill. */
struct doctor_finding *doctor_find(struct doctor *d, enum doctor_severity severity);
const char *doctor_severity_name(enum doctor_severity severity);

/* file_read below the machine's root, and in the namespace. path without the slash. */
int doctor_read(const struct doctor *d, const char *path, char *buf, size_t size);
int doctor_read_inside(const struct doctor *d, const char *path, char *buf, size_t size);

/* The NICs of the plan, each once; returns how many. */
int doctor_nics(const struct doctor *d, const char *nic[SIDES]);

/*
 * Runs every check. Returns [{"check", "result", "summary", "reason"}] in table order;
 * result: ok, note, warning, fault, or skipped with its reason.
 */
json_t *doctor_run(struct doctor *d);
void doctor_free(struct doctor *d);

/*
 * Examines the blade of that name: as it runs, or as `wanted` (may be NULL) would have
 * it. *out is the caller's: {"blade", "state", "checks", "findings"}. Returns the gravest
 * severity found, -1 for none.
 */
int doctor_examine(const char *name, const struct config *wanted, json_t **out);

/* What a NIC's hashing does wrong, as a verb phrase; NULL: nothing that is known. */
const char *doctor_rss_fault(const struct rss *rss);

/* The checks, one file a theme. */
int doctor_state(struct doctor *d, struct error *err);
int doctor_journal(struct doctor *d, struct error *err);
int doctor_nic_node(struct doctor *d, struct error *err);
int doctor_nic_queues(struct doctor *d, struct error *err);
int doctor_nic_rss(struct doctor *d, struct error *err);
int doctor_nic_xps(struct doctor *d, struct error *err);
int doctor_irqbalance(struct doctor *d, struct error *err);
int doctor_vlan_filter(struct doctor *d, struct error *err);
int doctor_offload(struct doctor *d, struct error *err);
int doctor_rp_filter(struct doctor *d, struct error *err);
int doctor_conntrack(struct doctor *d, struct error *err);
int doctor_hooks(struct doctor *d, struct error *err);
int doctor_kernel(struct doctor *d, struct error *err);
int doctor_governor(struct doctor *d, struct error *err);
int doctor_softirq(struct doctor *d, struct error *err);
int doctor_listen(struct doctor *d, struct error *err);
int doctor_time_wait(struct doctor *d, struct error *err);
int doctor_descriptors(struct doctor *d, struct error *err);
int doctor_pipes(struct doctor *d, struct error *err);
int doctor_haproxy(struct doctor *d, struct error *err);

#endif
