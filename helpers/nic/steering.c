/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns which CPUs send by a queue (XPS), and get what one received (RPS). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/file.h"
#include "helpers/nic/cpumask.h"
#include "helpers/nic/prior.h"
#include "helpers/nic/queues.h"
#include "helpers/setting.h"

/* Both are a mask of CPUs for each queue of one direction. */
static const struct steering {
	const char *direction, *file;
} xps = { "tx", "xps_cpus" }, rps = { "rx", "rps_cpus" };

#define STEERING_PATH 96

static const char *steering_path(const struct steering *s, const char *nic,
				 unsigned int queue, char *path)
{
	snprintf(path, STEERING_PATH, "sys/class/net/%s/queues/%s-%u/%s", nic,
		 s->direction, queue, s->file);
	return path;
}

/* A queue that the placement does not know is nobody's. */
static void steering_want(const struct steering *s, const struct nic_queues *q,
			  unsigned int queue, cpu_set_t *out)
{
	CPU_ZERO(out);
	if (s == &rps)
		*out = q->rps_cpus;
	else if (queue < q->n)
		*out = q->queue[queue].xps;
}

static int steering_apply(const struct steering *s, const struct nic_queues *q,
			  struct error *err)
{
	_cleanup_close_ int root = setting_root(err);
	unsigned int n = root < 0 ? 0 : queues_count(root, q->name, s->direction);
	char path[STEERING_PATH], mask[CPUMASK_TEXT_SIZE];
	int r = root < 0 ? root : 0;

	for (unsigned int i = 0; i < n && !r; i++) {
		cpu_set_t want;

		steering_want(s, q, i, &want);
		r = setting_write(root, steering_path(s, q->name, i, path),
				  cpumask_format(&want, mask), err);
	}
	return r;
}

static int steering_probe(const struct steering *s, const struct nic_queues *q,
			  enum step_state *state, struct text *detail, struct error *err)
{
	_cleanup_close_ int root = setting_root(err);
	unsigned int n = root < 0 ? 0 : queues_count(root, q->name, s->direction);
	char path[STEERING_PATH], text[SETTING_SIZE], list[SETTING_SIZE];

	*state = STEP_ABSENT;
	if (root < 0)
		return root;
	if (!n)
		text_line(detail, "there is no interface '%s'", q->name);
	for (unsigned int i = 0; i < n; i++) {
		cpu_set_t want, now;

		steering_want(s, q, i, &want);
		if (file_read(root, steering_path(s, q->name, i, path), text,
			      sizeof(text)) >= 0 &&
		    !cpumask_parse(text, &now) && CPU_EQUAL(&now, &want))
			continue;
		cpumask_list(&want, list, sizeof(list));
		text_line(detail, "%s of queue %u of '%s' is not CPU %s", s->file, i,
			  q->name, *list ? list : "none");
	}
	if (!detail->length)
		*state = STEP_PRESENT;
	return 0;
}

static void steering_describe(const struct steering *s, const struct nic_queues *q,
			      unsigned int n, struct text *out)
{
	char path[STEERING_PATH], mask[CPUMASK_TEXT_SIZE];

	for (unsigned int i = 0; i < n; i++) {
		cpu_set_t want;

		steering_want(s, q, i, &want);
		text_line(out, "echo %s >/%s", cpumask_format(&want, mask),
			  steering_path(s, q->name, i, path));
	}
}

/* Each queue's own words, exactly. */
static int steering_prior(const struct steering *s, int root, const char *nic,
			  json_t **out)
{
	unsigned int n = queues_count(root, nic, s->direction);
	char path[STEERING_PATH], text[SETTING_SIZE];

	*out = json_array();
	for (unsigned int i = 0; i < n; i++) {
		if (file_read(root, steering_path(s, nic, i, path), text, sizeof(text)) <
		    0)
			break; /* a single transmit queue has no XPS */
		json_array_append_new(*out, json_string(text));
	}
	return 0;
}

static int steering_restore(const struct steering *s, int root, const char *nic,
			    const json_t *prior, struct error *err)
{
	char path[STEERING_PATH];
	int first = 0;
	json_t *was;
	size_t i;

	json_array_foreach(prior, i, was)
	{
		int r = setting_restore(root,
					steering_path(s, nic, (unsigned int)i, path),
					json_string_value(was), err);

		first = first ? first : r;
	}
	return first;
}

int nic_xps_record(const struct nic_queues *q, json_t **out, struct error *err)
{
	return prior_record(q->name, PRIOR_XPS, out, err);
}

int nic_xps_apply(const struct nic_queues *q, struct error *err)
{
	return steering_apply(&xps, q, err);
}

int nic_xps_probe(const struct nic_queues *q, enum step_state *state, struct text *detail,
		  struct error *err)
{
	return steering_probe(&xps, q, state, detail, err);
}

void nic_xps_describe(const struct nic_queues *q, struct text *out)
{
	steering_describe(&xps, q, q->n, out);
}

int nic_rps_record(const struct nic_queues *q, json_t **out, struct error *err)
{
	return prior_record(q->name, PRIOR_RPS, out, err);
}

int nic_rps_apply(const struct nic_queues *q, struct error *err)
{
	return steering_apply(&rps, q, err);
}

int nic_rps_probe(const struct nic_queues *q, enum step_state *state, struct text *detail,
		  struct error *err)
{
	return steering_probe(&rps, q, state, detail, err);
}

void nic_rps_describe(const struct nic_queues *q, struct text *out)
{
	steering_describe(&rps, q, q->n, out);
}

int xps_prior(int root, const char *nic, json_t **out, struct error *err)
{
	(void)err;
	return steering_prior(&xps, root, nic, out);
}

int rps_prior(int root, const char *nic, json_t **out, struct error *err)
{
	(void)err;
	return steering_prior(&rps, root, nic, out);
}

int xps_restore(int root, const char *nic, const json_t *prior, bool *moved,
		struct error *err)
{
	(void)moved;
	return steering_restore(&xps, root, nic, prior, err);
}

int rps_restore(int root, const char *nic, const json_t *prior, bool *moved,
		struct error *err)
{
	(void)moved;
	return steering_restore(&rps, root, nic, prior, err);
}
