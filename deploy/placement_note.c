/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what is said of a placement. */
#include "deploy/placement_note.h"

#include <stdarg.h>
#include <stdio.h>

static void note(struct placement *p, bool warning, const char *fmt, va_list ap)
{
	struct placement_note *n = &p->note[p->notes];

	if (p->notes == PLACEMENT_NOTES_MAX)
		return;
	p->notes++;
	n->warning = warning;
	vsnprintf(n->text, sizeof(n->text), fmt, ap);
}

void placement_remark(struct placement *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(p, false, fmt, ap);
	va_end(ap);
}

void placement_warn(struct placement *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(p, true, fmt, ap);
	va_end(ap);
}

/* Says of the machine's CPUs of one kind, where there are any. */
static void remark_cpus(const struct topology *t, struct placement *p, const char *what,
			bool (*is)(const struct topology_cpu *c, bool taken))
{
	_cleanup_text_ struct text list = { 0 };
	unsigned int cpu[CPULIST_MAX];
	size_t n = 0;

	for (unsigned int i = 0; i < t->n; i++) {
		const struct topology_cpu *c = &t->cpu[i];
		bool taken = false;

		for (unsigned int k = 0; k < p->rows; k++)
			taken = taken || p->row[k].cpu == c->cpu;
		if (is(c, taken))
			cpu[n++] = c->cpu;
	}
	if (!n)
		return;
	cpulist_write(cpu, n, &list);
	placement_remark(p, "%s: CPU %.150s", what, list.text);
}

static bool is_left_isolated(const struct topology_cpu *c, bool taken)
{
	return !taken && c->isolated;
}

static bool is_denied(const struct topology_cpu *c, bool taken)
{
	return !taken && !c->isolated && !c->allowed;
}

static bool is_tickless(const struct topology_cpu *c, bool taken)
{
	return taken && c->tickless;
}

static void remark_machine(const struct topology *t, struct placement *p)
{
	_cleanup_text_ struct text offline = { 0 };

	remark_cpus(t, p, "isolated, so left out unless named", is_left_isolated);
	remark_cpus(t, p, "outside this process's affinity or cpuset", is_denied);
	cpulist_write(t->offline, t->n_offline, &offline);
	if (t->n_offline)
		placement_remark(p, "offline: CPU %.150s", offline.text);
	remark_cpus(t, p, "in nohz_full, which gains nothing where interrupts arrive",
		    is_tickless);
}

static void remark_flows(const struct config *config, struct placement *p)
{
	unsigned int without = 0, unreached = 0;

	for (unsigned int i = 0; i < p->rows; i++) {
		without += p->row[i].queue >= 0 && p->row[i].instance < 0;
		unreached += p->row[i].queue < 0 && !p->rps;
	}
	if (without)
		placement_remark(
			p,
			"%u queues' CPUs have no instance: with accept = cpu the nearest "
			"by cache accepts",
			without);
	if (unreached && p->queues && config->accept == HAPROXY_ACCEPT_CPU)
		placement_warn(
			p,
			"%u instances have no queue of their own, and accept = cpu gives "
			"them what the nearest CPUs receive, or nothing: accept = hash "
			"reaches all",
			unreached);
	if (p->queues && config->rss == RSS_ASYMMETRIC)
		placement_remark(
			p,
			"rss = asymmetric: the directions of a flow meet on one CPU by "
			"chance alone");
	if (p->queues && config->rss == RSS_SYMMETRIC &&
	    config->source == HAPROXY_SOURCE_CLIENTIP)
		placement_warn(
			p,
			"source = clientip: the onward connection has a port of its own, "
			"so its packets come by another queue than the client's");
}

/* CPUs that were named may be far from the interface. */
static void remark_far(const struct config *config, struct placement *p)
{
	unsigned int far = 0;

	for (unsigned int i = 0; i < p->queues; i++)
		far += p->row[i].node >= 0 && p->row[i].node != p->nic[0].node;
	if (far && p->nic[0].node >= 0 && (config->queue_cpus[0] || config->cpus[0]))
		placement_warn(p,
			       "%u of %u queues are on CPUs off node %d, where %s is: %s "
			       "names them",
			       far, p->queues, p->nic[0].node, p->nic[0].name,
			       config->queue_cpus[0] ? "placement.queue_cpus"
						     : "haproxy.cpus");
}

void placement_note_all(const struct topology *t, const struct config *config,
			struct placement *p)
{
	remark_far(config, p);
	remark_machine(t, p);
	remark_flows(config, p);
}
