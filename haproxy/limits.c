/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the arithmetic of descriptors and threads: what a plan needs, what fits. */
#include <errno.h>

#include "haproxy/limits.h"
#include "haproxy/render.h"

/*
 * HAProxy counts 10 for itself, 10 for connections to its stats socket and that socket,
 * the probe's, its listening sockets, an epoll and a wake-up pipe a thread (2.4 to 3.2).
 * It refuses to start where this and the connections exceed RLIMIT_NOFILE, so the sum
 * here must never be the lower one: hence some spare for versions to come.
 */
#define LIMITS_SELF       22
#define LIMITS_SPARE      10
#define LIMITS_PER_THREAD 3

unsigned int haproxy_instances(const struct haproxy_plan *p)
{
	return p->model == HAPROXY_MODEL_THREADS ? 1 : p->processes;
}

unsigned int limits_threads(const struct haproxy_plan *p)
{
	return p->model == HAPROXY_MODEL_THREADS ? p->processes : 1;
}

/*
 * A spliced transfer holds a pipe only while the receiver is slower than the sender,
 * and in one direction; HAProxy copies where it finds none. HAProxy's own default is a
 * quarter; but a PEP's client side is the slow one by design, and then every download
 * has its pipe: half, which costs a third of the connections that fit.
 */
unsigned int limits_pipes(const struct haproxy_plan *p)
{
	return p->splice == HAPROXY_SPLICE_OFF ? 0 : (p->maxconn + 1) / 2;
}

/*
 * None of maxconn's descriptors is set aside for them: HAProxy ends idle connections once
 * tune.pool-high-fd-ratio of all descriptors are in use. A quarter is a twelfth of those.
 */
unsigned int limits_idle(const struct haproxy_plan *p)
{
	return (p->maxconn + 3) / 4;
}

static unsigned int limits_fixed(const struct haproxy_plan *p)
{
	unsigned int threads = limits_threads(p);

	return LIMITS_SELF + LIMITS_SPARE + threads * LIMITS_PER_THREAD +
	       threads * ports_count(&p->ports);
}

unsigned int haproxy_fds_of(const struct haproxy_plan *p)
{
	return limits_fixed(p) + 2 * p->maxconn + 2 * limits_pipes(p);
}

unsigned int haproxy_maxconn_of(const struct haproxy_plan *p, unsigned int fd_limit)
{
	unsigned int fixed = limits_fixed(p), left;

	if (fd_limit <= fixed)
		return 0;
	left = fd_limit - fixed;
	/* n connections and ceil(n/2) pipes: 3n, or 3n + 1 where n is odd. */
	if (p->splice == HAPROXY_SPLICE_OFF)
		return left / 2;
	return left / 6 * 2 + (left % 6 >= 4);
}

unsigned int limits_groups(const struct haproxy_plan *p)
{
	return (limits_threads(p) + HAPROXY_GROUP_THREADS - 1) / HAPROXY_GROUP_THREADS;
}

static int limits_check_threads(const struct haproxy_plan *p,
				const struct haproxy_version *v, struct error *err)
{
	if (!v->threads)
		return error_say(err, ENOTSUP,
				 "haproxy.model = threads: this HAProxy %s is built "
				 "without threads; use processes",
				 v->text);
	if (p->processes <= v->max_threads && limits_groups(p) <= v->max_groups)
		return 0;
	return error_say(err, ENOTSUP,
			 "haproxy.model = threads with processes = %u: HAProxy %s has at "
			 "most %u threads (more than %u need 2.7 or later); use fewer, "
			 "or model = processes",
			 p->processes, v->text,
			 v->max_groups * HAPROXY_GROUP_THREADS < v->max_threads
				 ? v->max_groups * HAPROXY_GROUP_THREADS
				 : v->max_threads,
			 HAPROXY_GROUP_THREADS);
}

static int limits_check_descriptors(const struct haproxy_plan *p, struct error *err)
{
	unsigned int need = haproxy_fds_of(p);

	if (!p->maxconn)
		return error_say(err, EINVAL,
				 "haproxy.maxconn: 0 connections serve "
				 "nobody");
	if (need <= p->fd_limit)
		return 0;
	return error_say(err, EMFILE,
			 "haproxy.maxconn = %u needs %u descriptors in each instance, it "
			 "has %u: raise the limit or lower maxconn to %u",
			 p->maxconn, need, p->fd_limit,
			 haproxy_maxconn_of(p, p->fd_limit));
}

int haproxy_plan_check(const struct haproxy_plan *p, const struct haproxy_version *v,
		       struct error *err)
{
	int r = 0;

	if (!p->processes || p->processes > HAPROXY_INSTANCES_MAX)
		return error_say(err, EINVAL, "haproxy.processes: expected 1..%d, got %u",
				 HAPROXY_INSTANCES_MAX, p->processes);
	if (!v->transparent)
		return error_say(err, ENOTSUP,
				 "this HAProxy %s is built without transparent proxying "
				 "(USE_LINUX_TPROXY): 'usesrc' cannot work",
				 v->text);
	if (p->splice == HAPROXY_SPLICE_ON && !v->splice)
		return error_say(err, ENOTSUP,
				 "haproxy.splice = on: this HAProxy %s is built without "
				 "splicing (USE_LINUX_SPLICE); use auto or off",
				 v->text);
	if (p->model == HAPROXY_MODEL_THREADS)
		r = limits_check_threads(p, v, err);
	return r < 0 ? r : limits_check_descriptors(p, err);
}
