/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of an instance's configuration that only HTTP has, for render.c. */
#ifndef HAPROXY_RENDER_HTTP_H
#define HAPROXY_RENDER_HTTP_H

#include <stdbool.h>

#include "haproxy/haproxy.h"

/* The frontend is HTTP's; or is TCP's, and HTTP what is for http_ports. */
bool render_http_always(const struct haproxy_plan *p);
bool render_http_sometimes(const struct haproxy_plan *p);

/* With mode HTTP alone: */
void render_http_global(const struct haproxy_plan *p, struct text *out);
/* Of `defaults`, or of a frontend that is TCP's: then only what may stand there. */
void render_http_options(const struct haproxy_plan *p, bool frontend, struct text *out);
/* The frontend's, ahead of its default_backend. */
void render_http_requests(const struct haproxy_plan *p, struct text *out);
/* The backends besides HAPROXY_BACKEND. */
void render_http_backends(const struct haproxy_plan *p, struct text *out);

/* render.c's own: where connections go, and who they come from. */
void render_servers(const struct haproxy_plan *p, struct text *out);
void render_source(const char *who, const struct haproxy_plan *p, struct text *out);

#endif
