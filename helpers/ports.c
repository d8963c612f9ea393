/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading, writing and asking lists of TCP ports. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helpers/ports.h"

static int ports_number(const char **p, uint16_t *out)
{
	unsigned int v = 0;

	if (!isdigit((unsigned char)**p))
		return -EINVAL;
	for (; isdigit((unsigned char)**p); (*p)++) {
		v = v * 10 + (unsigned int)(**p - '0');
		if (v > PORTS_LAST)
			return -ERANGE;
	}
	*out = (uint16_t)v;
	return v ? 0 : -ERANGE;
}

static const char *range_format(const struct port_range *r, char *buf, size_t size)
{
	if (r->first == r->last)
		snprintf(buf, size, "%u", r->first);
	else
		snprintf(buf, size, "%u-%u", r->first, r->last);
	return buf;
}

/* Keeps the list sorted; ranges that touch stay apart until the list is whole. */
static int ports_insert(struct ports *p, const struct port_range *r, struct error *err)
{
	char a[16], b[16];
	size_t at = p->n;

	if (p->n == PORTS_MAX)
		return error_say(err, EINVAL, "more than %d ports and ranges", PORTS_MAX);
	while (at > 0 && p->range[at - 1].first > r->first)
		at--;
	for (size_t i = at ? at - 1 : 0; i < p->n && i <= at; i++) {
		if (p->range[i].first <= r->last && r->first <= p->range[i].last)
			return error_say(err, EINVAL, "%s and %s overlap",
					 range_format(&p->range[i], a, sizeof(a)),
					 range_format(r, b, sizeof(b)));
	}
	memmove(&p->range[at + 1], &p->range[at], (p->n - at) * sizeof(*r));
	p->range[at] = *r;
	p->n++;
	return 0;
}

static void ports_merge(struct ports *p)
{
	size_t to = 0;

	for (size_t i = 1; i < p->n; i++) {
		if (p->range[to].last + 1 == p->range[i].first)
			p->range[to].last = p->range[i].last;
		else
			p->range[++to] = p->range[i];
	}
	if (p->n)
		p->n = to + 1;
	memset(&p->range[p->n], 0, (PORTS_MAX - p->n) * sizeof(p->range[0]));
}

static int ports_item(const char **p, struct ports *out, struct error *err)
{
	struct port_range r;

	*p += strspn(*p, " \t");
	if (ports_number(p, &r.first) < 0)
		return error_say(err, EINVAL, "a port is 1..65534");
	*p += strspn(*p, " \t");
	r.last = r.first;
	if (**p == '-') {
		(*p)++;
		*p += strspn(*p, " \t");
		if (ports_number(p, &r.last) < 0)
			return error_say(err, EINVAL, "a port is 1..65534");
		if (r.last < r.first)
			return error_say(err, EINVAL, "%u-%u runs backwards", r.first,
					 r.last);
		*p += strspn(*p, " \t");
	}
	return ports_insert(out, &r, err);
}

int ports_parse(const char *text, struct ports *out, struct error *err)
{
	struct ports ports = { .n = 0 };
	const char *p = text;
	int r;

	do {
		r = ports_item(&p, &ports, err);
		if (r < 0)
			return r;
	} while (*p++ == ',');
	if (p[-1])
		return error_say(err, EINVAL, "junk after a port: '%.20s'", p - 1);
	ports_merge(&ports);
	*out = ports;
	return 0;
}

const char *ports_format(const struct ports *p, char *buf, size_t size)
{
	char one[16];
	size_t used = 0;
	int n;

	if (size)
		buf[0] = '\0';
	for (size_t i = 0; i < p->n && used < size; i++) {
		n = snprintf(buf + used, size - used, "%s%s", i ? "," : "",
			     range_format(&p->range[i], one, sizeof(one)));
		used += (size_t)n;
	}
	return buf;
}

bool ports_contain(const struct ports *p, uint16_t port)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->range[i].first <= port && port <= p->range[i].last)
			return true;
	}
	return false;
}

unsigned int ports_count(const struct ports *p)
{
	unsigned int n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->range[i].last - p->range[i].first + 1u;
	return n;
}

int ports_combine(const struct ports *a, const struct ports *b,
		  const struct ports *without, struct ports *out, struct error *err)
{
	struct ports all = { .n = 0 };
	bool before = false;

	for (unsigned int port = 0; port <= UINT16_MAX; port++) {
		uint16_t p = (uint16_t)port;
		bool in = (ports_contain(a, p) || ports_contain(b, p)) &&
			  !ports_contain(without, p);

		if (in && !before && all.n == PORTS_MAX)
			return error_say(err, E2BIG, "the ports take more than %d ranges",
					 PORTS_MAX);
		if (in && !before)
			all.range[all.n++].first = p;
		if (in)
			all.range[all.n - 1].last = p;
		before = in;
	}
	*out = all;
	return 0;
}
