/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the checks of kernel and cores: version, frequency governor, softirq counters. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/doctor.h"
#include "helpers/cleanup.h"
#include "helpers/softnet.h"

int doctor_kernel(struct doctor *d, struct error *err)
{
	struct doctor_finding *f;
	char release[80];
	int major, minor;
	int r = doctor_read(d, "proc/sys/kernel/osrelease", release, sizeof(release));

	if (r < 0)
		return error_set(err, -r, "read /proc/sys/kernel/osrelease");
	if (sscanf(release, "%d.%d", &major, &minor) != 2)
		return error_say(err, EPROTO, "the kernel's version is '%s'", release);
	/* Commit 4c5b9d9642c8 ("act_vlan: VLAN action rewrite to use RCU lock/unlock").
	 */
	if (d->plan.tc.datapath != TC_DATAPATH_MIRRED || major > 4 ||
	    (major == 4 && minor >= 15))
		return 0;
	f = doctor_find(d, DOCTOR_WARNING);
	text_add(&f->what, "kernel %s takes a lock for each packet's VLAN tag", release);
	text_add(&f->read, "/proc/sys/kernel/osrelease: %s; datapath mirred", release);
	text_add(&f->why, "Before 4.15 all cores take the same spin lock in act_vlan, "
			  "which is most of their time from a few cores on.");
	text_add(&f->mend, "boot a kernel of 4.15 or later (5.10 for the bpf datapath)");
	return 0;
}

/* The instances' CPUs whose governor is another one than performance, as "CPU word". */
static unsigned int governor_slow(const struct doctor *d, struct text *list)
{
	const struct haproxy_plan *h = &d->plan.haproxy;
	bool seen[4096] = { false };
	char path[96], governor[32];
	unsigned int n = 0;

	for (unsigned int i = 0; i < h->processes; i++) {
		unsigned int cpu = h->cpu[i];

		if (cpu >= 4096 || seen[cpu])
			continue;
		seen[cpu] = true;
		snprintf(path, sizeof(path),
			 "sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", cpu);
		if (doctor_read(d, path, governor, sizeof(governor)) <= 0 ||
		    !strcmp(governor, "performance"))
			continue;
		text_add(list, "%scpu%u %s", n++ ? ", " : "", cpu, governor);
	}
	return n;
}

int doctor_governor(struct doctor *d, struct error *err)
{
	_cleanup_text_ struct text slow = { 0 };
	struct doctor_finding *f;

	(void)err;
	if (!governor_slow(d, &slow))
		return 0;
	f = doctor_find(d, DOCTOR_WARNING);
	text_add(&f->what, "instances run on cores that slow down when idle");
	text_add(&f->read, "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor: %s",
		 slow.text);
	text_add(&f->why, "Traffic in bursts meets a slow core each time, and residence "
			  "times vary with the load of the moment.");
	text_add(&f->mend, "cpupower frequency-set -g performance");
	return 0;
}

struct softirqs {
	unsigned long processed, dropped, squeezed;
	struct text droppers, squeezers; /* "cpu3 17, ..." */
};

static void softirqs_add(struct text *list, unsigned int cpu, unsigned long n)
{
	if (n)
		text_add(list, "%scpu%u %lu", list->length ? ", " : "", cpu, n);
}

static void softirq_dropped(struct doctor *d, const struct softirqs *s)
{
	struct doctor_finding *f = doctor_find(d, DOCTOR_WARNING);
	char limit[32] = "?";

	doctor_read(d, "proc/sys/net/core/netdev_max_backlog", limit, sizeof(limit));
	text_add(&f->what, "%lu packets were dropped from full backlogs since boot",
		 s->dropped);
	text_add(&f->read,
		 "/proc/net/softnet_stat, second column: %s; netdev_max_backlog %s",
		 s->droppers.text, limit);
	text_add(&f->why, "A core's backlog takes what comes over a veth or from another "
			  "core; what does not fit is lost, and TCP slows down.");
	text_add(&f->mend, "sysctl -w net.core.netdev_max_backlog=%d",
		 atoi(limit) > 8192 ? 4 * atoi(limit) : 32768);
}

/* Now and then is nothing; one poll in a thousand packets is a core that is behind. */
static void softirq_squeezed(struct doctor *d, const struct softirqs *s)
{
	bool much = s->squeezed * 1000 > s->processed;
	struct doctor_finding *f = doctor_find(d, much ? DOCTOR_WARNING : DOCTOR_NOTE);
	char usecs[32];

	text_add(&f->what,
		 "the softirq budget ended %lu times since boot with packets left",
		 s->squeezed);
	text_add(&f->read, "/proc/net/softnet_stat, third column: %s; %lu packets in all",
		 s->squeezers.text, s->processed);
	if (doctor_read(d, "proc/sys/net/core/netdev_budget_usecs", usecs,
			sizeof(usecs)) > 0)
		text_add(&f->read, "; net.core.netdev_budget_usecs %s", usecs);
	text_add(&f->why, "Those packets wait until the core comes back to them, behind "
			  "whatever else it has to do.");
	if (much)
		text_add(&f->mend, "sysctl -w net.core.netdev_budget_usecs=4000 "
				   "net.core.netdev_budget=600");
	else
		text_add(&f->mend, "nothing, at fewer than one in a thousand packets");
}

int doctor_softirq(struct doctor *d, struct error *err)
{
	_cleanup_free_ struct softnet *cpu = NULL;
	struct softirqs s = { 0 };
	size_t n = 0;
	int r = softnet_read(d->root, &cpu, &n);

	if (r < 0)
		return error_set(err, -r, "read /proc/net/softnet_stat");
	for (size_t i = 0; i < n; i++) {
		s.processed += cpu[i].processed;
		s.dropped += cpu[i].dropped;
		s.squeezed += cpu[i].squeezed;
		softirqs_add(&s.droppers, cpu[i].cpu, cpu[i].dropped);
		softirqs_add(&s.squeezers, cpu[i].cpu, cpu[i].squeezed);
	}
	if (s.dropped)
		softirq_dropped(d, &s);
	if (s.squeezed)
		softirq_squeezed(d, &s);
	text_free(&s.droppers);
	text_free(&s.squeezers);
	return 0;
}
