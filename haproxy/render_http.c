/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what the rendered configuration says of HTTP: which connections are read as such,
 * how they pass unchanged, and which requests share connections to the servers. */
#include "haproxy/render_http.h"
#include "haproxy/limits.h"
#include "haproxy/render.h"

/*
 * Per cent of the descriptors in use from which HAProxy ends an idle connection for each
 * new one, and up to which it keeps more than it needed lately; its own 25 and 20 would
 * end reuse with maxconn a quarter full.
 */
#define REUSE_FDS      60
#define REUSE_FDS_KEEP 50
/* Half of those idle longer than this end each time: Apache and Node.js keep them 5 s. */
#define REUSE_IDLE_S 5

#define RANGES_A_LINE 16 /* HAProxy takes 64 words in a line */

/* The frontend reads each connection as HTTP, or only those to http_ports. */
bool render_http_always(const struct haproxy_plan *p)
{
	return p->mode == HAPROXY_MODE_HTTP && !p->http_ports.n;
}

bool render_http_sometimes(const struct haproxy_plan *p)
{
	return p->mode == HAPROXY_MODE_HTTP && p->http_ports.n;
}

void render_http_global(const struct haproxy_plan *p, struct text *out)
{
	/* A message head that the ends agree on must pass: twice the default. */
	text_line(out, "\ttune.bufsize 32768");
	text_line(out, "\ttune.http.maxhdr 512");
	if (p->reuse) {
		text_line(out, "\ttune.pool-low-fd-ratio %d", REUSE_FDS_KEEP);
		text_line(out, "\ttune.pool-high-fd-ratio %d", REUSE_FDS);
	}
}

/*
 * HTTP as it came: connections of different clients are never shared, nothing is added,
 * what only a parser would mind passes, and HAProxy's own answers (an error file of no
 * bytes) are a closed connection, since a 503 would be told in the server's name. But
 * where requests of several connections share one to the server, what HAProxy takes for
 * a header and the server for the start of a body would be another request's answer: then
 * only requests by the grammar pass.
 */
void render_http_options(const struct haproxy_plan *p, bool frontend, struct text *out)
{
	static const int codes[] = { 400, 403, 408, 500, 502, 503, 504 };

	text_line(out, "\toption http-keep-alive");
	text_line(out, "\toption http-no-delay");
	if (!p->reuse)
		text_line(out, "\toption accept-invalid-http-request");
	if (!frontend) {
		text_line(out, "\toption accept-invalid-http-response");
		text_line(out, "\thttp-reuse never");
	}
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		text_line(out, "\terrorfile %d /dev/null", codes[i]);
}

/* Conditions of one name in several lines: any of them. */
static void render_http_ports(const struct ports *ports, struct text *out)
{
	for (size_t i = 0; i < ports->n; i++) {
		const struct port_range *r = &ports->range[i];

		if (i % RANGES_A_LINE == 0)
			text_add(out, "%s\tacl http dst_port", i ? "\n" : "");
		text_add(out, " %u", r->first);
		if (r->last != r->first)
			text_add(out, ":%u", r->last);
	}
	text_add(out, "\n");
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
static void render_reused_requests(const char *http, struct text *out)
{
	text_line(out, "\thttp-request set-src-port int(0)");
	text_line(out, "\thttp-request set-var(sess.alone) bool(true)"
		       " if { req.hdr(authorization) -m beg -i ntlm negotiate } ||"
		       " { req.hdr(proxy-authorization) -m beg -i ntlm negotiate }");
	text_line(out,
		  "\tuse_backend " HAPROXY_REUSED
		  " if%s { method GET HEAD } { req.ver 1.0 1.1 }"
		  " !{ var(sess.alone) -m bool }"
		  " !{ req.hdr_cnt(content-length) gt 0 }"
		  " !{ req.hdr_cnt(transfer-encoding) gt 0 }",
		  http);
}

/*
 * A connection to one of http_ports becomes HTTP before its first byte. Its port comes
 * first in each condition: what follows would look for HTTP in the bytes of the others.
 */
void render_http_requests(const struct haproxy_plan *p, struct text *out)
{
	bool sometimes = render_http_sometimes(p);

	if (sometimes) {
		render_http_options(p, true, out);
		render_http_ports(&p->http_ports, out);
		text_line(out, "\ttcp-request content switch-mode http if http");
	}
	if (p->reuse)
		render_reused_requests(sometimes ? " http" : "", out);
	if (sometimes)
		text_line(out, "\tuse_backend " HAPROXY_HTTP " if http");
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

void render_http_backends(const struct haproxy_plan *p, struct text *out)
{
	if (render_http_sometimes(p)) {
		text_line(out, "backend " HAPROXY_HTTP);
		render_servers(p, out);
	}
	if (p->reuse)
		render_reused(p, out);
}
