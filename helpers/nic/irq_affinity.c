/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns which CPU a queue's interrupts go to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/file.h"
#include "helpers/log.h"
#include "helpers/nic/cpumask.h"
#include "helpers/nic/irq.h"
#include "helpers/nic/prior.h"
#include "helpers/nic/queues.h"
#include "helpers/setting.h"

#define AFFINITY "proc/irq/%u/smp_affinity"

static int affinity_read(int root, unsigned int irq, const char *which, char *text,
			 cpu_set_t *set)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "proc/irq/%u/%s_affinity", irq, which);
	r = file_read(root, path, text, SETTING_SIZE);
	if (r < 0)
		return r;
	return cpumask_parse(text, set) < 0 ? -EINVAL : 0;
}

static bool affinity_is(const cpu_set_t *set, unsigned int cpu)
{
	return CPU_COUNT(set) == 1 && CPU_ISSET(cpu, set);
}

/* EIO, EPERM: a managed interrupt. ENOSPC: the CPU has no vector left. */
static int affinity_set(int root, const struct nic_vector *v, unsigned int cpu,
			struct error *err)
{
	char path[64], mask[CPUMASK_TEXT_SIZE], now[SETTING_SIZE];
	cpu_set_t set;
	int r;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	snprintf(path, sizeof(path), AFFINITY, v->irq);
	r = setting_write(root, path, cpumask_format(&set, mask), err);
	if (!r && (affinity_read(root, v->irq, "smp", now, &set) < 0 ||
		   !affinity_is(&set, cpu)))
		r = error_say(err, EIO, "it stays on the CPUs of mask %s", now);
	if (r < 0)
		return error_wrap(err,
				  "interrupt %u (%s) does not go to CPU %u "
				  "(placement.rss = off leaves the NIC's queues alone)",
				  v->irq, v->action, cpu);
	if (!affinity_read(root, v->irq, "effective", now, &set) &&
	    !affinity_is(&set, cpu))
		log_debug("interrupt %u (%s) goes to CPU %u from its next one on", v->irq,
			  v->action, cpu);
	return 0;
}

static int irq_apply(int root, const struct nic_queues *q, struct error *err)
{
	_cleanup_free_ struct nic_vector *vector = NULL;
	size_t n = 0;
	int r = nic_vectors(root, q->name, &vector, &n, err);

	for (size_t i = 0; i < n && !r; i++) {
		const struct nic_vector *v = &vector[i];

		if (v->queue >= 0 && v->queue < (int)q->n)
			r = affinity_set(root, v, q->queue[v->queue].cpu, err);
	}
	return r;
}

static int irq_probe(int root, const struct nic_queues *q, enum step_state *state,
		     struct text *detail, struct error *err)
{
	_cleanup_free_ struct nic_vector *vector = NULL;
	char text[SETTING_SIZE];
	cpu_set_t set;
	size_t n = 0;
	int r = nic_vectors(root, q->name, &vector, &n, err);

	*state = STEP_ABSENT;
	if (r == -ENODEV)
		text_line(detail, "there is no interface '%s'", q->name);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	for (size_t i = 0; i < n; i++) {
		const struct nic_vector *v = &vector[i];

		if (v->queue < 0 || v->queue >= (int)q->n ||
		    (!affinity_read(root, v->irq, "smp", text, &set) &&
		     affinity_is(&set, q->queue[v->queue].cpu)))
			continue;
		text_line(detail, "interrupt %u (%s) is not on CPU %u", v->irq, v->action,
			  q->queue[v->queue].cpu);
	}
	if (!detail->length)
		*state = STEP_PRESENT;
	return 0;
}

int nic_irq_record(const struct nic_queues *q, json_t **out, struct error *err)
{
	return prior_record(q->name, PRIOR_IRQ, out, err);
}

int nic_irq_apply(const struct nic_queues *q, struct error *err)
{
	_cleanup_close_ int root = setting_root(err);

	return root < 0 ? root : irq_apply(root, q, err);
}

int nic_irq_probe(const struct nic_queues *q, enum step_state *state, struct text *detail,
		  struct error *err)
{
	_cleanup_close_ int root = setting_root(err);

	return root < 0 ? root : irq_probe(root, q, state, detail, err);
}

void nic_irq_describe(const struct nic_queues *q, struct text *out)
{
	_cleanup_free_ struct nic_vector *vector = NULL;
	_cleanup_close_ int root = setting_root(NULL);
	struct error ignored = { 0 };
	size_t n = 0;

	nic_vectors(root, q->name, &vector, &n, &ignored);
	for (size_t i = 0; i < n; i++) {
		if (vector[i].queue >= 0 && vector[i].queue < (int)q->n)
			text_line(out, "echo %u >/proc/irq/%u/smp_affinity_list # %s",
				  q->queue[vector[i].queue].cpu, vector[i].irq,
				  vector[i].action);
	}
}

int irq_prior(int root, const char *nic, json_t **out, struct error *err)
{
	_cleanup_free_ struct nic_vector *vector = NULL;
	char path[64], text[SETTING_SIZE];
	size_t n = 0;
	int r = nic_vectors(root, nic, &vector, &n, err);

	if (r < 0)
		return r;
	*out = json_array();
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), AFFINITY, vector[i].irq);
		if (vector[i].queue < 0 || file_read(root, path, text, sizeof(text)) < 0)
			continue;
		json_array_append_new(
			*out, json_pack("{s:i, s:s, s:s}", "irq", (int)vector[i].irq,
					"action", vector[i].action, "affinity", text));
	}
	return 0;
}

/* The number that has this name now: a driver may have got others for its channels. */
static int irq_find(const struct nic_vector *vector, size_t n, const char *action,
		    unsigned int irq)
{
	for (size_t i = 0; i < n; i++) {
		if (vector[i].irq == irq && !strcmp(vector[i].action, action))
			return (int)irq;
	}
	for (size_t i = 0; i < n; i++) {
		if (*action && !strcmp(vector[i].action, action))
			return (int)vector[i].irq;
	}
	return -1;
}

int irq_restore(int root, const char *nic, const json_t *prior, bool *moved,
		struct error *err)
{
	_cleanup_free_ struct nic_vector *vector = NULL;
	size_t n = 0, i;
	json_t *one;
	int r = nic_vectors(root, nic, &vector, &n, err);

	(void)moved;
	if (r < 0)
		return r;
	json_array_foreach(prior, i, one)
	{
		const char *action = json_string_value(json_object_get(one, "action"));
		const char *was = json_string_value(json_object_get(one, "affinity"));
		int irq = (int)json_integer_value(json_object_get(one, "irq"));
		char path[64];

		irq = action ? irq_find(vector, n, action, (unsigned int)irq) : -1;
		if (irq < 0 || !was)
			continue;
		snprintf(path, sizeof(path), AFFINITY, (unsigned int)irq);
		r = setting_restore(root, path, was, err);
		if (r < 0)
			return r;
	}
	return 0;
}
