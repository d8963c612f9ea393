/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading the established flows of a blade's namespace. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/rss_view.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"

#define ESTABLISHED 1 /* TCP_ESTABLISHED, as /proc/net/tcp has it */

struct live {
	const struct ports *ports;
	struct flow *flow;
	size_t n;
};

/* "0100007F" or four of those: words in this machine's order, bytes in the network's. */
static void live_address(const char *hex, struct prefix *out)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	size_t words = strlen(hex) / 8;

	*out = (struct prefix){ .family = words == 1 ? AF_INET : AF_INET6,
				.length = words == 1 ? 32 : 128 };
	for (size_t i = 0; i < words && i < 4; i++) {
		uint32_t word;

		if (sscanf(hex + 8 * i, "%8x", &word) == 1)
			memcpy(out->bytes + 4 * i, &word, sizeof(word));
	}
	if (words == 4 && !memcmp(out->bytes, mapped, sizeof(mapped))) {
		memmove(out->bytes, out->bytes + 12, 4);
		memset(out->bytes + 4, 0, 12);
		out->family = AF_INET;
		out->length = 32;
	}
}

/* The accepted ends: their own port is a service port, their peer the client. */
static void live_line(const char *line, struct live *l)
{
	char own[40], peer[40];
	unsigned int own_port, peer_port, state;
	struct flow *f = &l->flow[l->n];

	if (sscanf(line, "%*u: %32[0-9A-F]:%x %32[0-9A-F]:%x %x", own, &own_port, peer,
		   &peer_port, &state) != 5 ||
	    state != ESTABLISHED || !ports_contain(l->ports, own_port))
		return;
	live_address(peer, &f->source.address);
	live_address(own, &f->destination.address);
	f->source.port = (uint16_t)peer_port;
	f->destination.port = (uint16_t)own_port;
	l->n++;
}

/* thread-self: the namespace of this thread, which is all that has gone into it. */
static int live_read(void *arg, struct error *err)
{
	static const char *const files[] = { "/proc/thread-self/net/tcp",
					     "/proc/thread-self/net/tcp6" };
	struct live *l = arg;
	char line[512];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		_cleanup_fclose_ FILE *f = fopen(files[i], "re");

		if (!f && errno == ENOENT)
			continue;
		if (!f)
			return error_set(err, errno, "read %s", files[i]);
		while (l->n < RSS_VIEW_LIVE_MAX && fgets(line, sizeof(line), f))
			live_line(line, l);
	}
	return 0;
}

int rss_view_live(const struct rss_view *v, const char *name, struct flow **out,
		  size_t *n, struct error *err)
{
	_cleanup_close_ int nsfd = -1;
	_cleanup_free_ struct flow *flow = NULL;
	struct live l = { .ports = &v->config.ports };
	struct error absent = { 0 };
	int r;

	*n = 0;
	*out = NULL;
	nsfd = v->here ? namespace_open(name, &absent) : -1;
	if (nsfd < 0)
		return 0;
	l.flow = flow = memory_new(RSS_VIEW_LIVE_MAX, sizeof(*flow));
	r = namespace_call(nsfd, live_read, &l, err);
	if (r < 0)
		return r;
	*n = l.n;
	*out = take_ptr(flow);
	return 0;
}
