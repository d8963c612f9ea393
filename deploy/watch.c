/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the verdict on an instance: whether it answers, whether it proxies, or is killed.
 */
#include <signal.h>
#include <stdio.h>

#include "deploy/gate.h"
#include "deploy/instance.h"
#include "helpers/log.h"

#define AGAIN_MS       50   /* after a question that came back without an answer */
#define AGAIN_STUCK_MS 500  /* the same, of one that does not proxy: HAProxy logs each */
#define SILENT_MS      500  /* unanswered so long: it does not serve */
#define STUCK_MS       1000 /* a connection through it unanswered so long, or */
#define STUCK_REFUSALS 3    /* so many in a row ended without an answer */
#define COUNT_MS       1000 /* between two counts of what it still carries */
#define COUNT_WAIT_MS  100  /* for its answer to that */
/*
 * Unanswered so long: it is killed. A stall of the machine's own (a frozen guest, a
 * stopped cgroup, 20 instances that start on few slow cores) is mostly shorter, and the
 * instance's connections outlive it then; nothing new goes to a silent one meanwhile.
 */
#define SILENT_KILL_MS       15000
#define SILENT_KILL_START_MS 60000

/* It answered: whatever it was, it lives now. */
static void watch_answered(struct instances *all, unsigned int k, long long owed_ms)
{
	struct instance *i = &all->one[k];
	long long now = instance_clock_ms();
	char name[48];

	if (i->state == INSTANCE_STARTING)
		log_info("%s (pid %d, CPU %u) accepts, %lld ms after its start",
			 instance_name(all, k, name), (int)i->pid, all->c->haproxy.cpu[k],
			 now - i->since_ms);
	else if (i->silent)
		log_info("%s (pid %d) answers again, after %lld ms",
			 instance_name(all, k, name), (int)i->pid, owed_ms);
	i->silent = false;
	i->state = INSTANCE_RUNNING;
}

static void watch_proxied(struct instances *all, unsigned int k, long long owed_ms)
{
	struct instance *i = &all->one[k];
	char name[48];

	if (i->stuck)
		log_info("%s (pid %d) proxies again, after %lld ms",
			 instance_name(all, k, name), (int)i->pid, owed_ms);
	i->stuck = false;
}

static long long watch_owed(const struct question *q)
{
	return q->asked_ms ? instance_clock_ms() - q->asked_ms : 0;
}

/* How full it is, as it says itself; false: it does not say. */
static bool watch_count(const struct instances *all, unsigned int k,
			struct haproxy_stats *out)
{
	char path[128];

	instance_path(all, INSTANCE_STATS, k, path, sizeof(path));
	return !haproxy_stats_read(path, COUNT_WAIT_MS, out, &(struct error){ 0 });
}

/* Starting many takes the cores, from those that are through with it too. */
static long long watch_patience(const struct instances *all)
{
	for (unsigned int k = 0; k < all->n; k++) {
		if (all->one[k].state == INSTANCE_STARTING)
			return SILENT_KILL_START_MS;
	}
	return SILENT_KILL_MS;
}

static void watch_kill(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];

	kill(i->pid, SIGKILL);
	/* It takes a moment to die. */
	question_forgive(&i->life);
	question_forgive(&i->proxy);
}

static void watch_life(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	bool starting = i->state == INSTANCE_STARTING;
	long long waited_ms = question_waited(&i->life);
	char name[48];

	instance_name(all, k, name);
	if (!starting && !i->silent && waited_ms > SILENT_MS) {
		i->silent = true;
		i->fault_ms = gate_wall_ms() - watch_owed(&i->life);
		snprintf(i->fault, sizeof(i->fault), "its stats socket does not answer");
		log_warning("%s (pid %d, CPU %u) has not answered for %lld ms", name,
			    (int)i->pid, all->c->haproxy.cpu[k], waited_ms);
	}
	if (waited_ms > watch_patience(all)) {
		log_warning("%s (pid %d) has not answered for %lld ms: killing it", name,
			    (int)i->pid, waited_ms);
		watch_kill(all, k);
	}
}

static void watch_stuck(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	struct haproxy_stats seen;
	char name[48];

	if (watch_count(all, k, &seen) &&
	    seen.current_connections >= seen.max_connections)
		snprintf(i->fault, sizeof(i->fault),
			 "it is full: %u connections of at most %u",
			 seen.current_connections, seen.max_connections);
	else
		snprintf(i->fault, sizeof(i->fault), "a connection through it %s",
			 i->proxy.refused ? "ends without an answer"
					  : "stays without an answer");
	i->stuck = true;
	i->fault_ms = gate_wall_ms() - watch_owed(&i->proxy);
	i->count_ms = instance_clock_ms() + watch_patience(all);
	log_warning("%s (pid %d, CPU %u) answers, but has not proxied for %lld ms: %s",
		    instance_name(all, k, name), (int)i->pid, all->c->haproxy.cpu[k],
		    watch_owed(&i->proxy), i->fault);
}

/* Another may do better, once nothing is lost by it. */
static void watch_replace(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	struct haproxy_stats seen;
	char name[48];

	i->count_ms = instance_clock_ms() + COUNT_MS;
	if (!watch_count(all, k, &seen) || seen.current_connections)
		return;
	log_warning("%s (pid %d) has not proxied for %lld ms, and carries nothing any "
		    "more: killing it",
		    instance_name(all, k, name), (int)i->pid, watch_owed(&i->proxy));
	watch_kill(all, k);
}

static void watch_proxy(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	long long waited_ms = question_waited(&i->proxy);

	if (i->silent)
		question_forgive(&i->proxy); /* one fault at a time */
	else if (!i->stuck &&
		 (waited_ms > STUCK_MS || i->proxy.refused >= STUCK_REFUSALS))
		watch_stuck(all, k);
	else if (i->stuck && instance_clock_ms() >= i->count_ms)
		watch_replace(all, k);
}

void instance_watch(struct instances *all, unsigned int k)
{
	struct instance *i = &all->one[k];
	long long owed_ms;
	char path[128];

	if (i->state != INSTANCE_STARTING && i->state != INSTANCE_RUNNING)
		return;
	owed_ms = watch_owed(&i->life);
	instance_path(all, INSTANCE_STATS, k, path, sizeof(path));
	if (question_turn(&i->life, path, AGAIN_MS))
		watch_answered(all, k, owed_ms);
	watch_life(all, k);
	if (i->state != INSTANCE_RUNNING)
		return;
	owed_ms = watch_owed(&i->proxy);
	instance_path(all, INSTANCE_PROBE, k, path, sizeof(path));
	if (question_turn(&i->proxy, path, i->stuck ? AGAIN_STUCK_MS : AGAIN_MS))
		watch_proxied(all, k, owed_ms);
	watch_proxy(all, k);
}
