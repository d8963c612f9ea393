/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns which generation is the present one, and what leads service traffic to it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "deploy/generations.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"

struct generations {
	int nsfd, dirfd;
	unsigned int last; /* number given */
	struct generation *present, *next;
	struct generation *stranded; /* were next, and nobody decided on them */
	struct generation *leaving;
	/* Where generations_map has led new connections; SK-LOOKUP's program's link. */
	const struct generation *mapped;
	int lookup_fd;
	struct haproxy_responder *responder; /* to the instances' probes */
};

int generations_open(int nsfd, int dirfd, struct generations **out, struct error *err)
{
	struct haproxy_responder *responder = NULL;
	int r = haproxy_responder_open(nsfd, &responder, err);

	if (r < 0)
		return r;
	*out = memory_new(1, sizeof(**out));
	**out = (struct generations){
		.nsfd = nsfd, .dirfd = dirfd, .responder = responder, .lookup_fd = -1
	};
	return 0;
}

/* The lists in which a generation may be, ended by NULL. */
#define LISTS_MAX 5
static void generations_lists(const struct generations *all,
			      struct generation *out[LISTS_MAX])
{
	out[0] = all->present;
	out[1] = all->next;
	out[2] = all->stranded;
	out[3] = all->leaving;
	out[4] = NULL;
}

/* Those that new connections may reach, and then all others; NULL ends. */
#define for_each_list(all, list, lists)                                                  \
	generations_lists(all, lists);                                                   \
	for (struct generation **list = (lists); list < (lists) + LISTS_MAX - 1; list++)

void generations_close(struct generations *all)
{
	struct generation *lists[LISTS_MAX], *then;

	if (!all)
		return;
	for_each_list(all, list, lists)
	{
		for (struct generation *g = *list; g; g = g->other)
			instances_terminate(g->instances);
	}
	for_each_list(all, list, lists)
	{
		for (struct generation *g = *list; g; g = then) {
			then = g->other;
			generation_free(g);
		}
	}
	cleanup_close(&all->lookup_fd);
	haproxy_responder_close(all->responder);
	free(all);
}

static void list_add(struct generation **list, struct generation *g)
{
	g->other = *list;
	*list = g;
}

int generations_prepare(struct generations *all, const struct step_context *c,
			struct error *err)
{
	struct generation *next = NULL;
	int r = generation_open(c, all->last + 1, all->nsfd, all->dirfd, all->present,
				&next, err);

	if (r < 0) {
		/* What was opened of it is closed: the groups are the present one's. */
		if (all->present)
			haproxy_listeners_select(all->mapped->listeners,
						 &(struct error){ 0 });
		return r;
	}
	if (all->next)
		list_add(&all->stranded, all->next);
	all->next = next;
	all->last++;
	return 0;
}

int generations_ready(struct generations *all, unsigned int *running, unsigned int *n,
		      struct error *err)
{
	int r = generation_ready(all->next, err);

	*n = instances_count(all->next->instances);
	*running = r > 0 ? *n : all->next->running;
	return r;
}

/* SK-LOOKUP's program: attached, replaced at one instant, or detached. */
static int generations_lookup(struct generations *all, const struct generation *g,
			      struct error *err)
{
	const struct haproxy_plan *h = &g->c.haproxy;
	unsigned short taker[HAPROXY_CPUS_MAX];
	int fd[HAPROXY_INSTANCES_MAX];
	unsigned int n;

	if (g->c.config.scenario != SCENARIO_SK_LOOKUP) {
		cleanup_close(&all->lookup_fd);
		all->lookup_fd = -1;
		return 0;
	}
	n = haproxy_listeners_group(g->listeners, fd, taker);
	return netns_lookup_attach(&g->c.netns, all->nsfd, fd,
				   h->accept == HAPROXY_ACCEPT_CPU ? taker : NULL,
				   h->takers, n, &all->lookup_fd, err);
}

static int generations_lead(struct generations *all, const struct generation *g,
			    struct error *err)
{
	int r = haproxy_listeners_select(g->listeners, err);

	if (!r)
		r = generations_lookup(all, g, err);
	if (!r)
		all->mapped = g;
	return r;
}

int generations_map(struct generations *all, struct error *err)
{
	if (!all->next)
		return error_say(err, ENOENT, "there is no next generation");
	return generations_lead(all, all->next, err);
}

static void generations_retire(struct generations *all, struct generation *g)
{
	generation_retire(g);
	list_add(&all->leaving, g);
}

int generations_commit(struct generations *all, struct error *err)
{
	struct generation *g, *then;
	int r = all->mapped == all->next && all->next ? 0 : generations_map(all, err);

	if (r < 0)
		return r;
	if (all->present) {
		instances_rename(all->present->instances, all->dirfd, false);
		generations_retire(all, all->present);
	}
	for (g = all->stranded; g; g = then) {
		then = g->other;
		generations_retire(all, g);
	}
	all->stranded = NULL;
	all->present = all->next;
	all->next = NULL;
	instances_rename(all->present->instances, all->dirfd, true);
	generation_enter(all->present, GENERATION_PRESENT);
	return 0;
}

int generations_abort(struct generations *all, struct error *err)
{
	struct generation *next = all->next;
	int r = 0;

	if (!next)
		return 0;
	if (all->present)
		r = generations_lead(all, all->present, err);
	all->mapped = all->present; /* where it failed, the next tick that can mends it */
	all->next = NULL;
	generations_retire(all, next);
	return r;
}

static void generations_reap(struct generations *all)
{
	struct generation *lists[LISTS_MAX];
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for_each_list(all, list, lists)
		{
			for (struct generation *g = *list; g; g = g->other) {
				if (instances_reaped(g->instances, pid, status))
					break;
			}
		}
	}
}

static void generations_bury(struct generations *all)
{
	struct generation **at = &all->leaving, *g;

	while ((g = *at)) {
		if (!generation_over(g)) {
			at = &g->other;
			continue;
		}
		*at = g->other;
		log_info("generation %u is gone", g->number);
		generation_free(g);
	}
}

void generations_tick(struct generations *all)
{
	struct generation *lists[LISTS_MAX];
	struct error err = { 0 };
	bool regroup = false;

	generations_reap(all);
	haproxy_responder_answer(all->responder);
	for_each_list(all, list, lists)
	{
		for (struct generation *g = *list; g; g = g->other) {
			enum generation_state was = g->state;

			generation_tick(g);
			regroup = instances_regrouped(g->instances) || g->state != was ||
				  regroup;
		}
	}
	generations_bury(all);
	if (regroup && all->mapped && generations_lead(all, all->mapped, &err) < 0)
		log_error("%s", err.msg);
}

int generations_due_ms(const struct generations *all)
{
	struct generation *lists[LISTS_MAX];
	int due = -1;

	for_each_list(all, list, lists)
	{
		for (struct generation *g = *list; g; g = g->other) {
			int one = instances_due_ms(g->instances);

			due = due < 0 || one < due ? one : due;
		}
	}
	return due;
}

unsigned int generations_well(const struct generations *all)
{
	unsigned int well = 0;

	if (all->present)
		well += instances_well(all->present->instances);
	if (all->next)
		well += instances_well(all->next->instances);
	for (const struct generation *g = all->stranded; g; g = g->other)
		well += instances_well(g->instances);
	return well;
}

void generations_summary(const struct generations *all, char *text, size_t size)
{
	size_t at;

	instances_summary(all->present->instances, text, size);
	at = strlen(text);
	if (all->next && at + 1 < size) {
		snprintf(text + at, size - at, "; next generation: ");
		at = strlen(text);
		instances_summary(all->next->instances, text + at, size - at);
	}
}

const struct step_context *generations_present(const struct generations *all)
{
	return all->present ? &all->present->c : NULL;
}

/*
 * Asked beside the service ports: it does no harm where another scenario's listeners are
 * on those, and the rule is hapep's to change before or after a commit.
 */
unsigned int generations_proxy_port(const struct generations *all)
{
	if (all->present && all->present->c.tc.proxy_port)
		return all->present->c.tc.proxy_port;
	if (all->next && all->next->c.tc.proxy_port)
		return all->next->c.tc.proxy_port;
	return all->stranded ? all->stranded->c.tc.proxy_port : 0;
}

bool generations_open_change(const struct generations *all)
{
	return all->next || all->stranded;
}

bool generations_alone(const struct generations *all)
{
	return !generations_open_change(all) && !all->leaving;
}

static json_t *list_describe(const struct generation *list, json_t *out)
{
	for (const struct generation *g = list; g; g = g->other)
		json_array_append_new(out, generation_describe(g));
	return out;
}

json_t *generations_describe(const struct generations *all)
{
	json_t *out = json_pack("{s:i,s:o}", "generation", (int)all->present->number,
				"instances", instances_describe(all->present->instances));
	json_t *next = list_describe(all->next, json_array());

	list_describe(all->stranded, next);
	if (json_array_size(next))
		json_object_set(out, "next", next);
	json_decref(next);
	if (all->leaving)
		json_object_set_new(out, "retiring",
				    list_describe(all->leaving, json_array()));
	return out;
}
