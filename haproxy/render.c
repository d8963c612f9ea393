/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the text of an instance's configuration, in each HAProxy version's syntax. */
#include "haproxy/limits.h"
#include "haproxy/render.h"

static bool render_since(const struct haproxy_version *v, int major, int minor)
{
	return v->major > major || (v->major == major && v->minor >= minor);
}

static bool render_splices(const struct haproxy_plan *p, const struct haproxy_version *v)
{
	return p->splice != HAPROXY_SPLICE_OFF && v->splice;
}

/* Thread t (from 0) as "group/thread", both from 1: cpu-map's words since 2.7, and before
 * that, when there was one group only, "process/thread" with the same numbers. */
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
	else
		text_line(out, "\tnosplice");
	if (p->mode == HAPROXY_MODE_HTTP) {
		text_line(out, "\ttune.bufsize 32768");
		text_line(out, "\ttune.http.maxhdr 512");
	}
}

static void render_splice(const struct haproxy_plan *p, const struct haproxy_version *v,
			  struct text *out)
{
	if (!render_splices(p, v))
		return;
	if (p->splice == HAPROXY_SPLICE_AUTO) {
		text_line(out, "\toption splice-auto");
		return;
	}
	text_line(out, "\toption splice-request");
	text_line(out, "\toption splice-response");
}

static void render_timeouts(const struct haproxy_plan *p, struct text *out)
{
	text_line(out, "\ttimeout connect %ums", p->timeout_connect_ms);
	text_line(out, "\ttimeout client %ums", p->timeout_idle_ms);
	text_line(out, "\ttimeout server %ums", p->timeout_idle_ms);
	text_line(out, "\ttimeout tunnel %ums", p->timeout_idle_ms);
	text_line(out, "\ttimeout client-fin %ums", p->timeout_fin_ms);
	text_line(out, "\ttimeout server-fin %ums", p->timeout_fin_ms);
}

static void render_defaults(const struct haproxy_plan *p, const struct haproxy_version *v,
			    struct text *out)
{
	text_line(out, "defaults");
	text_line(out, "\tmode %s", p->mode == HAPROXY_MODE_HTTP ? "http" : "tcp");
	text_line(out, "\tmaxconn %u", p->maxconn);
	text_line(out, "\tbacklog %u", p->backlog);
	text_line(out, "\tretries 0");
	text_line(out, "\tno option abortonclose");
	render_splice(p, v, out);
	render_timeouts(p, out);
	if (p->mode == HAPROXY_MODE_HTTP) {
		static const int codes[] = { 400, 408, 500, 502, 503, 504 };

		text_line(out, "\toption http-keep-alive");
		text_line(out, "\toption accept-invalid-http-request");
		text_line(out, "\toption accept-invalid-http-response");
		text_line(out, "\toption http-no-delay");
		text_line(out, "\thttp-reuse never");
		for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
			text_line(out, "\terrorfile %d /dev/null", codes[i]);
	}
}

static void render_frontend(const struct haproxy_plan *p, const struct haproxy_version *v,
			    struct text *out)
{
	unsigned int threads = limits_threads(p), ports = ports_count(&p->ports);
	unsigned int fd = HAPROXY_FD_LISTEN;

	text_line(out, "frontend " HAPROXY_FRONTEND);
	for (unsigned int t = 0; t < threads; t++) {
		for (unsigned int i = 0; i < ports; i++, fd++) {
			text_add(out, "\tbind fd@%u transparent", fd);
			if (render_since(v, 2, 5))
				text_add(out, " shards 1");
			if (render_since(v, 2, 7))
				text_add(out, " thread %u/%u",
					 t / HAPROXY_GROUP_THREADS + 1,
					 t % HAPROXY_GROUP_THREADS + 1);
			else if (render_since(v, 2, 5))
				text_add(out, " thread %u", t + 1);
			else
				text_add(out, " process 1/%u", t + 1);
			text_line(out, "%s", "");
		}
	}
	text_line(out, "\tdefault_backend " HAPROXY_BACKEND);
}

static void render_backend(const struct haproxy_plan *p, struct text *out)
{
	text_line(out, "backend " HAPROXY_BACKEND);
	text_add(out, "\tsource 0.0.0.0 usesrc %s",
		 p->source == HAPROXY_SOURCE_CLIENTIP ? "clientip" : "client");
	if (*p->server_side)
		text_add(out, " interface %s", p->server_side);
	text_line(out, "%s", "");
	text_line(out, "\tserver origin 0.0.0.0:0");
}

void haproxy_render(const struct haproxy_plan *p, const struct haproxy_version *v,
		    unsigned int k, struct text *out)
{
	render_global(p, v, k, out);
	render_defaults(p, v, out);
	render_frontend(p, v, out);
	render_backend(p, out);
}
