/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what a blade's counters are read from: its plan, its namespace, its interrupts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "deploy/blade.h"
#include "deploy/state.h"
#include "deploy/top.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"
#include "helpers/nic/irq.h"

static int source_vectors(struct top_source *s, const char *nic, struct error *err)
{
	_cleanup_free_ struct nic_vector *vector = NULL;
	size_t n = 0;
	int r = nic_vectors(s->root, nic, &vector, &n, err);

	if (r < 0 || !n)
		return r;
	s->irq = realloc(s->irq, (s->n_irq + n) * sizeof(*s->irq));
	if (!s->irq)
		abort();
	for (size_t i = 0; i < n; i++)
		s->irq[s->n_irq++] = vector[i].irq;
	return 0;
}

/* When the configuration was written that the blade runs with. */
static struct timespec source_written(const struct top_source *s)
{
	_cleanup_free_ char *path =
		memory_printf(STATE_ROOT "/%s/" BLADE_CONFIG, s->name);
	struct stat st = { 0 };

	stat(path, &st);
	return st.st_mtim;
}

void top_refresh(struct top_source *s)
{
	_cleanup_free_ struct step_context *plan = NULL;
	struct timespec written = source_written(s);
	struct error ignored;
	struct config running;

	if (written.tv_sec == s->planned.tv_sec && written.tv_nsec == s->planned.tv_nsec)
		return;
	plan = memory_new(1, sizeof(*plan));
	if (blade_config(s->name, &running, &ignored) < 0 ||
	    plan_recall(s->name, &running, plan, &ignored) < 0)
		return; /* it is down, or half up: what was known stays */
	s->plan = *plan;
	s->planned = written;
}

static int source_open(struct top_source *s, struct error *err)
{
	struct error why = { 0 };
	struct config running;
	int r;

	s->planned = source_written(s);
	r = blade_config(s->name, &running, err);
	if (r == -ENOENT)
		return error_say(err, ENOENT,
				 "blade '%s' is not up: `hapep up` brings it up",
				 s->name);
	if (!r)
		r = plan_recall(s->name, &running, &s->plan, err);
	if (r < 0)
		return r;
	s->root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0)
		return error_set(err, errno, "open /");
	s->nsfd = namespace_open(s->name, err);
	if (s->nsfd < 0)
		return error_wrap(err, "blade '%s' is degraded", s->name);
	for (int i = 0; i < SIDES && !r; i++) {
		if (!i || strcmp(s->plan.nic[i].name, s->plan.nic[0].name) != 0)
			r = source_vectors(s, s->plan.nic[i].name, err);
	}
	if (!r && haproxy_locality_open(s->nsfd, &s->locality, &why) < 0)
		snprintf(s->locality_why, sizeof(s->locality_why), "%.*s",
			 (int)sizeof(s->locality_why) - 1, why.msg);
	return r;
}

int top_open(const char *name, struct top_source **out, struct error *err)
{
	struct top_source *s = memory_new(1, sizeof(*s));
	int r;

	s->name = name;
	s->root = s->nsfd = -1;
	r = source_open(s, err);
	if (r < 0) {
		top_close(s);
		return r;
	}
	*out = s;
	return 0;
}

void top_close(struct top_source *s)
{
	if (!s)
		return;
	haproxy_locality_close(s->locality);
	(void)residence_close(s->residence, &(struct error){ 0 });
	cleanup_close(&s->root);
	cleanup_close(&s->nsfd);
	free(s->irq);
	free(s);
}
