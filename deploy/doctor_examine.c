/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns an examination: what is there of a blade, gathered for the checks, and its tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/blade.h"
#include "deploy/doctor.h"
#include "deploy/scenario.h"
#include "deploy/state.h"
#include "deploy/supervisor.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"

#define EXAMINE_STATS_MS                                                                 \
	100 /* an instance that takes longer is what "state" tells of                    \
	     */

/* A configuration that cannot be served is a finding, and the other checks go on. */
static void examine_unplanned(struct doctor *d, const char *why)
{
	struct doctor_finding *f;

	d->check = "plan";
	f = doctor_find(d, DOCTOR_FAULT);
	text_add(&f->what, "this machine cannot serve the configuration");
	text_add(&f->read, "%s", why);
	text_add(&f->why, "Until that is mended the blade cannot be brought up, or asked "
			  "how it is.");
	text_add(&f->mend, "hapep up --dry-run");
}

static void examine_plan(struct doctor *d, const struct config *wanted)
{
	struct error err = { 0 };
	struct config running;
	int r = blade_config(d->name, &running, &err);

	if (!r) {
		r = plan_recall(d->name, &running, &d->plan, &err);
		if (!r)
			haproxy_version_read(d->plan.haproxy.binary, &d->plan.version,
					     &(struct error){ 0 });
	} else if (r == -ENOENT && wanted) {
		err = (struct error){ 0 };
		r = plan_make(d->name, wanted, &d->plan, &err);
	} else if (r == -ENOENT) {
		return;
	}
	d->planned = !r;
	if (r < 0)
		examine_unplanned(d, err.msg);
}

/* Who the instances are, and how many pipes they hold. */
static void examine_instances(struct doctor *d)
{
	struct error ignored = { 0 };
	struct haproxy_stats stats;
	json_t *all = NULL, *one;
	size_t i;

	if (supervisor_query(d->name, &all, &ignored) < 0)
		return;
	json_array_foreach(json_object_get(all, "instances"), i, one)
	{
		const char *file = json_string_value(json_object_get(one, "stats"));
		_cleanup_free_ char *path =
			memory_printf(STATE_ROOT "/%s/%s", d->name, file ? file : "");
		pid_t pid = (pid_t)json_integer_value(json_object_get(one, "pid"));

		if (pid > 0 && d->n_pids < HAPROXY_INSTANCES_MAX)
			d->pid[d->n_pids++] = pid;
		if (!haproxy_stats_read(path, EXAMINE_STATS_MS, &stats, &ignored))
			d->pipes_used += stats.pipes_used;
	}
	json_decref(all);
}

static json_t *examine_finding(const struct doctor_finding *f)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "check", f->check, "severity",
			 doctor_severity_name(f->severity), "finding",
			 f->what.text ? f->what.text : "", "read",
			 f->read.text ? f->read.text : "", "why",
			 f->why.text ? f->why.text : "", "mend",
			 f->mend.text ? f->mend.text : "");
}

/* The gravest first, else in the order of the checks. */
static json_t *examine_findings(const struct doctor *d, int *worst)
{
	json_t *list = json_array();

	*worst = -1;
	for (int severity = DOCTOR_FAULT; severity >= DOCTOR_NOTE; severity--) {
		for (size_t i = 0; i < d->n; i++) {
			if ((int)d->finding[i].severity != severity)
				continue;
			*worst = *worst < severity ? severity : *worst;
			json_array_append_new(list, examine_finding(&d->finding[i]));
		}
	}
	return list;
}

int doctor_examine(const char *name, const struct config *wanted, json_t **out)
{
	_cleanup_close_ int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error ignored = { 0 };
	_cleanup_close_ int nsfd = namespace_open(name, &ignored);
	_cleanup_close_ int statefd = state_open(name, false, false, &ignored);
	_cleanup_free_ struct doctor *d = memory_new(1, sizeof(*d));
	json_t *checks, *findings;
	int worst;

	/* A namespace of that name that no state tells of is not this blade's. */
	*d = (struct doctor){ .name = name,
			      .up = nsfd >= 0 && statefd >= 0,
			      .root = root,
			      .nsfd = nsfd,
			      .inside = -1,
			      .statefd = statefd };
	examine_plan(d, wanted);
	if (d->up)
		examine_instances(d);
	checks = doctor_run(d);
	findings = examine_findings(d, &worst);
	*out = json_pack("{s:s,s:s,s:o,s:o}", "blade", name, "state",
			 d->up ? "in service" : "not up", "findings", findings, "checks",
			 checks);
	doctor_free(d);
	return worst;
}
