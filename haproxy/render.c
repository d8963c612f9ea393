/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the text of an instance's configuration, in each HAProxy version's syntax. */
#include "haproxy/render.h"
#include "haproxy/limits.h"
#include "haproxy/render_http.h"

static bool render_since(const struct haproxy_version *v, int major, int minor)
{
	return v->major > major || (v->major == major && v->minor >= minor);
}

static bool render_splices(const struct haproxy_plan *p, const struct haproxy_version *v)
{
	return p->splice != HAPROXY_SPLICE_OFF && v->splice;
}

/*
 * Thread t (from 0) is "group/thread", both from 1, in cpu-map since 2.7; before that the
 * words were "process/thread" with one process, and so the same numbers.
 */
static void render_cpus(const struct haproxy_plan *p, unsigned int k, struct text *out)
{
	unsigned int threads = limits_threads(p);

	for (unsigned int t = 0; t < threads; t++)
		text_line(out, "\tcpu-map %u/%u %u", t / HAPROXY_GROUP_THREADS + 1,
			  t % HAPROXY_GROUP_THREADS + 1,
			  p->cpu[p->model == HAPROXY_MODEL_THREADS ? t : k]);
}

/*
 * Explicit, since the defaults moved in 2.4 (nbthread), 2.7 (groups), 3.2 (cpu-policy
 * chooses CPUs and groups) and 3.3 (another policy).
 */
static void render_threads(const struct haproxy_plan *p, const struct haproxy_version *v,
			   unsigned int k, struct text *out)
{
	unsigned int threads = limits_threads(p), groups = limits_groups(p);

	text_line(out, "\tnbthread %u", threads);
	if (render_since(v, 2, 7)) {
		text_line(out, "\tthread-groups %u", groups);
		for (unsigned int g = 0; g < groups && groups > 1; g++) {
			unsigned int first = g * HAPROXY_GROUP_THREADS + 1;
			unsigned int last = first + HAPROXY_GROUP_THREADS - 1;

			text_line(out, "\tthread-group %u %u-%u", g + 1, first,
				  last < threads ? last : threads);
		}
	}
	if (render_since(v, 3, 2))
		text_line(out, "\tcpu-policy none");
	render_cpus(p, k, out);
}

/*
 * maxconn, maxpipes and the descriptor limit are of one piece (limits.c), so that
 * HAProxy neither warns nor lowers anything; strict-limits, its default, makes it refuse
 * instead. No `user`, `group` or `daemon`: the process is what it shall be before it is
 * HAProxy, and up to 2.8 usesrc and `user` exclude each other.
 */
static void render_global(const struct haproxy_plan *p, const struct haproxy_version *v,
			  unsigned int k, struct text *out)
{
	text_line(out, "global");
	render_threads(p, v, k, out);
	text_line(out, "\tchroot %s", *p->chroot ? p->chroot : HAPROXY_CHROOT);
	text_line(out, "\tstats socket fd@%d level admin", HAPROXY_FD_STATS);
	text_line(out, "\tmaxconn %u", p->maxconn);
	if (render_splices(p, v))
		text_line(out, "\tmaxpipes %u", limits_pipes(p));
	else if (v->splice)
		text_line(out, "\tnosplice");
	/* Its own HTTP client, which nothing here uses, would read every certificate
	 * authority of the machine at the start: three quarters of a start's CPU time.
	 */
	if (v->tls && render_since(v, 2, 6))
		text_line(out, "\thttpclient.ssl.verify none");
	if (p->mode == HAPROXY_MODE_HTTP)
		render_http_global(p, out);
}

/* Which of the threads, from 0 on, accepts on a `bind` line: its last words. */
static void render_thread(const struct haproxy_version *v, unsigned int t,
			  struct text *out)
{
	unsigned int group = t / HAPROXY_GROUP_THREADS + 1;
	unsigned int thread = t % HAPROXY_GROUP_THREADS + 1;

	if (render_since(v, 2, 7))
		text_line(out, "shards 1 thread %u/%u", group, thread);
	else if (render_since(v, 2, 5))
		text_line(out, "shards 1 thread %u", thread);
	else
		text_line(out, "process 1/%u", thread);
}

/*
 * The supervisor's way to see that this instance proxies (probe.c, responder.c). Ahead of
 * `defaults`, which is the clients' traffic's, and apart from the frontend, whose
 * counters are too.
 */
static void render_probe(const struct haproxy_version *v, struct text *out)
{
	static const char *const timeouts[] = { "connect", "client", "server" };

	text_line(out, "listen " HAPROXY_PROBE);
	text_line(out, "\tmode tcp");
	text_add(out, "\tbind fd@%d ", HAPROXY_FD_PROBE);
	render_thread(v, 0, out);
	text_line(out, "\tmaxconn 16");
	text_line(out, "\tretries 0");
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
		text_line(out, "\ttimeout %s %dms", timeouts[i], HAPROXY_PROBE_MS);
	text_line(out, "\tserver responder abns@" HAPROXY_RESPONDER);
}

/*
 * Measured on 2.6.12, CPU of the instances: splicing always costs 1.4 % more for an 8 KB
 * object and 49 % less for 100 MB, so at its worst it loses little where doing without
 * loses much. splice-auto alone, whose heuristic wants streams that fill its buffer again
 * and again, saves 6 % there.
 */
enum haproxy_splice haproxy_splice_auto(enum haproxy_mode mode)
{
	static const enum haproxy_splice least_regret[] = {
		[HAPROXY_MODE_TCP] = HAPROXY_SPLICE_ON,
		[HAPROXY_MODE_HTTP] = HAPROXY_SPLICE_ON,
	};

	return least_regret[mode];
}

/* auto decides for what comes from the server, where the bulk is; the rest is HAProxy's
 * to judge.
 */
static void render_splice(const struct haproxy_plan *p, const struct haproxy_version *v,
			  struct text *out)
{
	bool automatic = p->splice == HAPROXY_SPLICE_AUTO;

	if (!render_splices(p, v))
		return;
	if (!automatic || haproxy_splice_auto(p->mode) == HAPROXY_SPLICE_ON)
		text_line(out, "\toption splice-response");
	text_line(out, "\toption splice-%s", automatic ? "auto" : "request");
}

/* Where there is a spare, a server that does not answer is tried twice in that time. */
static void render_timeouts(const struct haproxy_plan *p, struct text *out)
{
	unsigned int tries = p->source == HAPROXY_SOURCE_CLIENT ? 2 : 1;

	text_line(out, "\ttimeout connect %ums",
		  (p->timeout_connect_ms + tries - 1) / tries);
	text_line(out, "\ttimeout client %ums", p->timeout_idle_ms);
	text_line(out, "\ttimeout server %ums", p->timeout_idle_ms);
	text_line(out, "\ttimeout tunnel %ums", p->timeout_idle_ms);
	text_line(out, "\ttimeout client-fin %ums", p->timeout_fin_ms);
	text_line(out, "\ttimeout server-fin %ums", p->timeout_fin_ms);
}

/*
 * `option nolinger` would pass a server's RST on as RST, but every connection that the
 * client half-closed would then end in RST, too, and lose what is still queued (2.7 MB
 * of 30 MB); on the backend side it turns half-close into RST. `option abortonclose`
 * (on by default from 3.3 on) gives up a client that half-closes while the server is
 * being connected to.
 */
static void render_defaults(const struct haproxy_plan *p, const struct haproxy_version *v,
			    bool http, struct text *out)
{
	text_line(out, "defaults");
	text_line(out, "\tmode %s", http ? "http" : "tcp");
	text_line(out, "\tmaxconn %u", p->maxconn);
	text_line(out, "\tno option abortonclose");
	render_splice(p, v, out);
	render_timeouts(p, out);
	if (http)
		render_http_options(p, false, out);
}

/*
 * The sockets are open, bound, transparent and listening already. `transparent` tells
 * HAProxy that the address accepted on is not its own.
 */
static void render_frontend(const struct haproxy_plan *p, const struct haproxy_version *v,
			    struct text *out)
{
	unsigned int threads = limits_threads(p), ports = ports_count(&p->ports);
	unsigned int fd = HAPROXY_FD_LISTEN;

	text_line(out, "frontend " HAPROXY_FRONTEND);
	for (unsigned int t = 0; t < threads; t++) {
		for (unsigned int i = 0; i < ports; i++, fd++) {
			text_add(out, "\tbind fd@%u transparent ", fd);
			render_thread(v, t, out);
		}
	}
	text_line(out, "\tbacklog %u", p->backlog);
	if (p->mode == HAPROXY_MODE_HTTP)
		render_http_requests(p, out);
	text_line(out, "\tdefault_backend " HAPROXY_BACKEND);
}

void render_source(const char *who, const struct haproxy_plan *p, struct text *out)
{
	text_add(out, "source 0.0.0.0 usesrc %s", who);
	if (*p->server_side)
		text_add(out, " interface %s", p->server_side);
	text_add(out, "\n");
}

/*
 * 0.0.0.0:0 is the address and port that the client asked for, of either family.
 *
 * With `usesrc client` the onward connection has the client's port, and so cannot be
 * made while an earlier one with the same four numbers still closes: a client that
 * reuses its port at once lost 1 to 14 connections of 300. Hence the spare: the same
 * server from the client's address, but another port, tried once and at once (to the
 * same server HAProxy would wait a second first). It also means that a server which
 * refuses is asked twice.
 */
void render_servers(const struct haproxy_plan *p, struct text *out)
{
	if (p->source == HAPROXY_SOURCE_CLIENTIP) {
		text_line(out, "\tretries 0");
		text_add(out, "\t");
		render_source("clientip", p, out);
		text_line(out, "\tserver origin 0.0.0.0:0");
		return;
	}
	text_line(out, "\tbalance first");
	text_line(out, "\tretries 1");
	text_line(out, "\toption redispatch 1");
	text_add(out, "\tserver origin 0.0.0.0:0 ");
	render_source("client", p, out);
	text_add(out, "\tserver spare 0.0.0.0:0 ");
	render_source("clientip", p, out);
}

void haproxy_render(const struct haproxy_plan *p, const struct haproxy_version *v,
		    unsigned int k, struct text *out)
{
	render_global(p, v, k, out);
	render_probe(v, out);
	render_defaults(p, v, render_http_always(p), out);
	render_frontend(p, v, out);
	text_line(out, "backend " HAPROXY_BACKEND);
	render_servers(p, out);
	if (render_http_sometimes(p))
		render_defaults(p, v, true, out);
	if (p->mode == HAPROXY_MODE_HTTP)
		render_http_backends(p, out);
}
