/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the text of an instance's configuration, in each HAProxy version's syntax. */
#include "haproxy/render.h"
#include "haproxy/limits.h"

/*
 * Per cent of the descriptors in use from which HAProxy ends an idle connection for each
 * new one, and up to which it keeps more than it needed lately; its own 25 and 20 would
 * end reuse with maxconn a quarter full.
 */
#define REUSE_FDS      60
#define REUSE_FDS_KEEP 50
/* Half of those idle longer than this end each time: Apache and Node.js keep them 5 s. */
#define REUSE_IDLE_S 5

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
	if (p->mode == HAPROXY_MODE_HTTP) {
		/* A message head that the ends agree on must pass: twice the default. */
		text_line(out, "\ttune.bufsize 32768");
		text_line(out, "\ttune.http.maxhdr 512");
	}
	if (p->reuse) {
		text_line(out, "\ttune.pool-low-fd-ratio %d", REUSE_FDS_KEEP);
		text_line(out, "\ttune.pool-high-fd-ratio %d", REUSE_FDS);
	}
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
 * HTTP as it came: connections of different clients are never shared, nothing is added,
 * what only a parser would mind passes, and HAProxy's own answers (an error file of no
 * bytes) are a closed connection, since a 503 would be told in the server's name. But
 * where requests of several connections share one to the server, what HAProxy takes for
 * a header and the server for the start of a body would be another request's answer: then
 * only requests by the grammar pass.
 */
static void render_http(const struct haproxy_plan *p, struct text *out)
{
	static const int codes[] = { 400, 403, 408, 500, 502, 503, 504 };

	text_line(out, "\toption http-keep-alive");
	text_line(out, "\toption http-no-delay");
	if (!p->reuse)
		text_line(out, "\toption accept-invalid-http-request");
	text_line(out, "\toption accept-invalid-http-response");
	text_line(out, "\thttp-reuse never");
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		text_line(out, "\terrorfile %d /dev/null", codes[i]);
}

/*
 * `option nolinger` would pass a server's RST on as RST, but every connection that the
 * client half-closed would then end in RST, too, and lose what is still queued (2.7 MB
 * of 30 MB); on the backend side it turns half-close into RST. `option abortonclose`
 * (on by default from 3.3 on) gives up a client that half-closes while the server is
 * being connected to.
 */
static void render_defaults(const struct haproxy_plan *p, const struct haproxy_version *v,
			    struct text *out)
{
	text_line(out, "defaults");
	text_line(out, "\tmode %s", p->mode == HAPROXY_MODE_HTTP ? "http" : "tcp");
	text_line(out, "\tmaxconn %u", p->maxconn);
	text_line(out, "\tno option abortonclose");
	render_splice(p, v, out);
	render_timeouts(p, out);
	if (p->mode == HAPROXY_MODE_HTTP)
		render_http(p, out);
}

/*
 * HAProxy reuses a connection where source, destination and port are the same, and takes
 * the client's port for part of the source although the onward connection does not have
 * it: hence none (2.4 to 3.2). A request that the server may have had, and closed the
 * connection upon, is sent again: so only what may be (RFC 9110, section 9.2.2), and
 * nothing with a body, whose end two parsers might see in two places, and nothing that
 * came as HTTP/2, which HAProxy takes from whoever begins with it: there a body needs no
 * header that could tell of it.
 *
 * NTLM and Negotiate authenticate a connection, and a server may not have to ask first,
 * which is all that HAProxy looks for: once a client begins with it, its connection has
 * one of its own, so that what was authenticated by a GET holds for a POST.
 */
static void render_reused_requests(struct text *out)
{
	text_line(out, "\thttp-request set-src-port int(0)");
	text_line(out, "\thttp-request set-var(sess.alone) bool(true)"
		       " if { req.hdr(authorization) -m beg -i ntlm negotiate } ||"
		       " { req.hdr(proxy-authorization) -m beg -i ntlm negotiate }");
	text_line(out, "\tuse_backend " HAPROXY_REUSED
		       " if { method GET HEAD } { req.ver 1.0 1.1 }"
		       " !{ var(sess.alone) -m bool }"
		       " !{ req.hdr_cnt(content-length) gt 0 }"
		       " !{ req.hdr_cnt(transfer-encoding) gt 0 }");
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
	if (p->reuse)
		render_reused_requests(out);
	text_line(out, "\tdefault_backend " HAPROXY_BACKEND);
}

static void render_source(const char *who, const struct haproxy_plan *p, struct text *out)
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
static void render_backend(const struct haproxy_plan *p, struct text *out)
{
	text_line(out, "backend " HAPROXY_BACKEND);
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

/*
 * Its other end closes an idle connection when it likes, maybe with the next request on
 * its way: retried, at most once for each such connection that is left. A server that
 * refuses is not asked again.
 */
static void render_reused(const struct haproxy_plan *p, struct text *out)
{
	text_line(out, "backend " HAPROXY_REUSED);
	text_line(out, "\thttp-reuse always");
	text_line(out, "\tretries 3");
	text_line(out, "\tretry-on empty-response");
	text_add(out, "\t");
	render_source("clientip", p, out);
	text_line(out,
		  "\tserver origin 0.0.0.0:0 pool-purge-delay %ds pool-low-conn %u "
		  "pool-max-conn %u",
		  REUSE_IDLE_S, limits_idle(p), limits_idle(p));
}

void haproxy_render(const struct haproxy_plan *p, const struct haproxy_version *v,
		    unsigned int k, struct text *out)
{
	render_global(p, v, k, out);
	render_probe(v, out);
	render_defaults(p, v, out);
	render_frontend(p, v, out);
	render_backend(p, out);
	if (p->reuse)
		render_reused(p, out);
}
