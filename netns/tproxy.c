/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns NF-IPT's rules as a step: applied, compared with what they shall be, undone. */
#include "netns/tproxy.h"

#include <errno.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "netns/internal.h"

/* What the rules look like in this engine's own words, and which programs speak them. */
struct expected {
	const char *variant;
	struct text lines;
};

static const struct tproxy_engine *tproxy_engine(enum netns_engine engine)
{
	return engine == NETNS_ENGINE_IPTABLES ? &tproxy_iptables : &tproxy_nft;
}

bool tproxy_has_line(const char *lines, const char *line, size_t n)
{
	while (lines && *lines) {
		size_t length = strcspn(lines, "\n");

		if (length == n && !memcmp(lines, line, n))
			return true;
		lines += length + (lines[length] == '\n');
	}
	return false;
}

/* One call of an engine in a namespace. */
struct tproxy_call {
	const struct tproxy_engine *engine;
	const struct netns_plan *plan;
	const char *variant, *lines;
	struct text *out;
};

static int tproxy_load(void *arg, struct error *err)
{
	const struct tproxy_call *c = arg;

	return c->engine->load(c->variant, c->plan, c->lines, err);
}

static int tproxy_list(void *arg, struct error *err)
{
	const struct tproxy_call *c = arg;

	return c->engine->list(c->variant, c->out, err);
}

static int tproxy_remove(void *arg, struct error *err)
{
	const struct tproxy_call *c = arg;

	return c->engine->remove(c->variant, c->lines, err);
}

/* Tries the variants, each in a namespace of its own, until one takes the rules. */
static int tproxy_expect(const struct netns_plan *p, struct expected *out,
			 struct error *err)
{
	const struct tproxy_engine *e = tproxy_engine(p->engine);
	struct tproxy_call c = { .engine = e, .plan = p, .out = &out->lines };
	struct error first = { 0 };
	int r = -EOPNOTSUPP;

	for (size_t i = 0; e->variants[i]; i++) {
		_cleanup_close_ int nsfd = namespace_new(err);

		if (nsfd < 0)
			return nsfd;
		c.variant = e->variants[i];
		r = namespace_call(nsfd, tproxy_load, &c, err);
		if (!r)
			r = namespace_call(nsfd, tproxy_list, &c, err);
		if (!r)
			break;
		text_free(&out->lines);
		if (!i)
			first = *err;
	}
	if (r < 0)
		return error_say(err, first.code, "%.1000s; %s", first.msg, e->needs);
	out->variant = c.variant;
	return 0;
}

int netns_tproxy_check(const struct netns_plan *p, struct error *err)
{
	struct expected e = { 0 };
	int r = tproxy_expect(p, &e, err);

	text_free(&e.lines);
	return r;
}

int netns_tproxy_apply(const struct netns_plan *p, struct error *err)
{
	_cleanup_close_ int nsfd = namespace_open(p->name, err);
	struct tproxy_call c = { .engine = tproxy_engine(p->engine), .plan = p };
	struct expected e = { 0 };
	int r = nsfd < 0 ? nsfd : tproxy_expect(p, &e, err);

	if (r < 0)
		return r;
	c.variant = e.variant;
	c.lines = e.lines.text;
	r = namespace_call(nsfd, tproxy_load, &c, err);
	text_free(&e.lines);
	return r;
}

/* One engine's rules give way to the other's, which stand by then. */
static int tproxy_drop(const struct netns_plan *p, const struct expected *e, int nsfd,
		       struct error *err)
{
	struct tproxy_call c = { .engine = tproxy_engine(p->engine),
				 .variant = e->variant,
				 .lines = e->lines.text ? e->lines.text : "" };

	return namespace_call(nsfd, tproxy_remove, &c, err);
}

int netns_tproxy_change(const struct netns_plan *from, const struct netns_plan *to,
			struct error *err)
{
	_cleanup_close_ int nsfd = namespace_open(to->name, err);
	struct tproxy_call c = { .engine = tproxy_engine(to->engine), .plan = to };
	struct expected was = { 0 }, is = { 0 };
	_cleanup_text_ struct text both = { 0 };
	int r = nsfd < 0 ? nsfd : tproxy_expect(from, &was, err);

	if (!r)
		r = tproxy_expect(to, &is, err);
	if (!r) {
		/* Of either, since a change may have been cut short before. */
		text_add(&both, "%s%s", is.lines.text,
			 from->engine == to->engine ? was.lines.text : "");
		c.variant = is.variant;
		c.lines = both.text;
		r = namespace_call(nsfd, tproxy_load, &c, err);
	}
	if (!r && from->engine != to->engine)
		r = tproxy_drop(from, &was, nsfd, err);
	text_free(&was.lines);
	text_free(&is.lines);
	return r;
}

static void tproxy_compare(const struct tproxy_engine *e, const char *wanted,
			   const char *found, struct netns_tally *t)
{
	for (const char *at = wanted; at && *at;) {
		size_t n = strcspn(at, "\n");

		if (tproxy_has_line(found, at, n))
			t->right++;
		else
			netns_tally_missing(t, "'%.*s' is missing", (int)n, at);
		at += n + (at[n] == '\n');
	}
	for (const char *at = e->alone ? found : NULL; at && *at;) {
		size_t n = strcspn(at, "\n");

		if (!tproxy_has_line(wanted, at, n))
			netns_tally_different(t, "'%.*s' is not hapep's", (int)n, at);
		at += n + (at[n] == '\n');
	}
}

int netns_tproxy_probe(const struct netns_plan *p, enum step_state *state,
		       struct text *detail, struct error *err)
{
	_cleanup_close_ int nsfd = namespace_open(p->name, err);
	_cleanup_text_ struct text found = { 0 };
	struct tproxy_call c = { .engine = tproxy_engine(p->engine), .out = &found };
	struct netns_tally t = { .detail = detail };
	struct expected e = { 0 };
	int r;

	*state = STEP_ABSENT;
	if (nsfd < 0)
		return nsfd == -ENOENT || nsfd == -ESTALE ? 0 : nsfd;
	r = tproxy_expect(p, &e, err);
	c.variant = e.variant;
	if (!r)
		r = namespace_call(nsfd, tproxy_list, &c, err);
	if (!r) {
		tproxy_compare(c.engine, e.lines.text, found.text, &t);
		*state = netns_tally_state(&t);
	}
	text_free(&e.lines);
	return r;
}

void netns_tproxy_describe(const struct netns_plan *p, struct text *out)
{
	tproxy_engine(p->engine)->describe(p, out);
}

int netns_tproxy_record(const struct netns_plan *p, json_t **out, struct error *err)
{
	struct expected e = { 0 };
	int r = tproxy_expect(p, &e, err);

	if (!r)
		*out = json_pack("{s:s,s:s,s:s,s:s}", "netns", p->name, "engine",
				 tproxy_engine(p->engine)->name, "variant", e.variant,
				 "rules", e.lines.text ? e.lines.text : "");
	text_free(&e.lines);
	return r;
}

/* The variant as the engine knows it: what the journal holds is not to be run. */
static const char *tproxy_variant(const struct tproxy_engine *e, const char *name)
{
	for (size_t i = 0; name && e->variants[i]; i++) {
		if (!strcmp(e->variants[i], name))
			return e->variants[i];
	}
	return NULL;
}

int netns_tproxy_undo(const json_t *record, struct error *err)
{
	const char *netns = json_string_value(json_object_get(record, "netns"));
	const char *name = json_string_value(json_object_get(record, "engine"));
	_cleanup_close_ int nsfd = -1;
	struct tproxy_call c = { 0 };

	if (!netns || !name)
		return error_say(err, EBADMSG,
				 "the journal's record lacks netns or engine");
	c.engine = !strcmp(name, tproxy_iptables.name) ? &tproxy_iptables : &tproxy_nft;
	c.variant = tproxy_variant(c.engine,
				   json_string_value(json_object_get(record, "variant")));
	c.lines = json_string_value(json_object_get(record, "rules"));
	if (!c.variant || !c.lines)
		return error_say(err, EBADMSG,
				 "the journal's record lacks variant or rules");
	nsfd = namespace_open(netns, err);
	if (nsfd < 0)
		return nsfd == -ENOENT || nsfd == -ESTALE ? 0 : nsfd;
	return namespace_call(nsfd, tproxy_remove, &c, err);
}
