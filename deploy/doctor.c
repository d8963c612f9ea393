/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the table of checks, and running them. */
#include "deploy/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/file.h"
#include "helpers/namespace.h"

const struct doctor_check doctor_checks[] = {
	{ "state", "steps or instances that are not as up left them", DOCTOR_ANYWHERE,
	  doctor_state },
	{ "journal", "a journal that down cannot read", DOCTOR_ANYWHERE, doctor_journal },
	{ "nic-node", "instances on another NUMA node than their NIC", DOCTOR_PLAN,
	  doctor_nic_node },
	{ "nic-queues", "fewer receive queues than instances", DOCTOR_PLAN,
	  doctor_nic_queues },
	{ "nic-rss", "receive hashing that sends a flow's directions to two queues",
	  DOCTOR_PLAN, doctor_nic_rss },
	{ "nic-xps", "transmit queues that no core was given", DOCTOR_PLAN,
	  doctor_nic_xps },
	{ "irqbalance", "a daemon that moves the NIC's interrupts", DOCTOR_PLAN,
	  doctor_irqbalance },
	{ "vlan-filter", "a NIC that drops the configured tags", DOCTOR_PLAN,
	  doctor_vlan_filter },
	{ "offload", "segmentation or checksum offload off anywhere in the path",
	  DOCTOR_PLAN, doctor_offload },
	{ "rp-filter", "reverse path filters in the way", DOCTOR_PLAN, doctor_rp_filter },
	{ "conntrack", "connection tracking in the namespace", DOCTOR_INSIDE,
	  doctor_conntrack },
	{ "netfilter", "hooks in the namespace that the scenario has none of",
	  DOCTOR_INSIDE, doctor_hooks },
	{ "kernel", "a kernel too old for the datapath", DOCTOR_PLAN, doctor_kernel },
	{ "governor", "cores that do not run at full speed", DOCTOR_PLAN,
	  doctor_governor },
	{ "softirq", "packets dropped or put off by the cores since boot",
	  DOCTOR_ANYWHERE, doctor_softirq },
	{ "listen", "connections lost in the listening queues", DOCTOR_INSIDE,
	  doctor_listen },
	{ "time-wait", "more connections in TIME_WAIT than fit", DOCTOR_INSIDE,
	  doctor_time_wait },
	{ "descriptors", "file descriptors running out", DOCTOR_PLAN,
	  doctor_descriptors },
	{ "pipes", "pipes for splicing running out", DOCTOR_PLAN, doctor_pipes },
	{ "haproxy", "a HAProxy version with known faults for this job", DOCTOR_PLAN,
	  doctor_haproxy },
};
const size_t doctor_checks_n = sizeof(doctor_checks) / sizeof(doctor_checks[0]);

const char *doctor_severity_name(enum doctor_severity severity)
{
	static const char *const names[] = { "note", "warning", "fault" };

	return names[severity];
}

struct doctor_finding *doctor_find(struct doctor *d, enum doctor_severity severity)
{
	struct doctor_finding *f;

	d->finding = realloc(d->finding, (d->n + 1) * sizeof(*d->finding));
	if (!d->finding)
		abort();
	f = &d->finding[d->n++];
	*f = (struct doctor_finding){ .check = d->check, .severity = severity };
	return f;
}

void doctor_free(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		text_free(&d->finding[i].what);
		text_free(&d->finding[i].read);
		text_free(&d->finding[i].why);
		text_free(&d->finding[i].mend);
	}
	free(d->finding);
	d->finding = NULL;
	d->n = 0;
}

int doctor_read(const struct doctor *d, const char *path, char *buf, size_t size)
{
	return file_read(d->root, path, buf, size);
}

struct read_wish {
	int root;
	const char *path;
	char *buf;
	size_t size;
};

static int doctor_read_there(void *arg, struct error *err)
{
	struct read_wish *w = arg;

	(void)err;
	return file_read(w->root, w->path, w->buf, w->size);
}

int doctor_read_inside(const struct doctor *d, const char *path, char *buf, size_t size)
{
	struct read_wish w = { d->root, path, buf, size };

	if (d->inside >= 0)
		return file_read(d->inside, path, buf, size);
	return namespace_call(d->nsfd, doctor_read_there, &w, &(struct error){ 0 });
}

int doctor_nics(const struct doctor *d, const char *nic[SIDES])
{
	nic[SIDE_CLIENT] = d->plan.nic[SIDE_CLIENT].name;
	nic[SIDE_SERVER] = d->plan.nic[SIDE_SERVER].name;
	return strcmp(nic[SIDE_CLIENT], nic[SIDE_SERVER]) ? 2 : 1;
}

/* Why a check cannot run here; NULL: it can. */
static const char *doctor_lacks(const struct doctor *d, enum doctor_need need)
{
	if (need != DOCTOR_ANYWHERE && !d->planned)
		return "there is no plan of this blade";
	if (need == DOCTOR_INSIDE && !d->up)
		return "the blade is not up";
	return NULL;
}

static json_t *doctor_check_run(struct doctor *d, const struct doctor_check *c)
{
	const char *lacks = doctor_lacks(d, c->need), *result;
	struct error err = { 0 };
	size_t before = d->n;
	int worst = -1, r = 0;

	d->check = c->name;
	if (!lacks)
		r = c->run(d, &err);
	for (size_t i = before; i < d->n; i++) {
		if ((int)d->finding[i].severity > worst)
			worst = (int)d->finding[i].severity;
	}
	if (worst >= 0)
		result = doctor_severity_name((enum doctor_severity)worst);
	else
		result = lacks || r < 0 ? "skipped" : "ok";
	return json_pack("{s:s,s:s,s:s,s:s}", "check", c->name, "result", result,
			 "summary", c->summary, "reason",
			 lacks   ? lacks
			 : r < 0 ? err.msg
				 : "");
}

json_t *doctor_run(struct doctor *d)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < doctor_checks_n; i++)
		json_array_append_new(rows, doctor_check_run(d, &doctor_checks[i]));
	return rows;
}
