/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns putting hapep's filters into the kernel and taking them out. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "tc/filter.h"
#include "tc/message.h"

const char *filter_kind_name(enum filter_kind kind)
{
	static const char *const names[] = { "flower", "matchall", "bpf" };

	return names[kind];
}

int filter_put(struct netlink *nl, const struct filter *f, bool replace,
	       struct error *err)
{
	int flags = NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL);
	_cleanup_close_ int fd = -1;
	struct nl_msg *msg;
	int r;

	if (f->kind == FILTER_BPF) {
		r = program_load(&f->program, &fd, NULL, err);
		if (r < 0)
			return r;
		msg = message_program(f, flags, fd);
	} else {
		msg = message_filter(f, flags);
	}
	if (!msg)
		return error_say(err, EOPNOTSUPP,
				 "this libnl-route cannot say %s with its action",
				 filter_kind_name(f->kind));
	return netlink_send(nl, msg, err, "add the %s filter with pref %u to %s of '%s'",
			    filter_kind_name(f->kind), f->pref,
			    f->egress ? "egress" : "ingress", f->dev);
}

int filter_delete(struct netlink *nl, const char *dev, const struct seen *s,
		  struct error *err)
{
	int r = netlink_send(nl, message_request(RTM_DELTFILTER, 0, s), err,
			     "delete the %s filter with pref %u of '%s'", s->kind,
			     s->pref, dev);

	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

static bool filter_is(const struct filter *f, const struct seen *s)
{
	return s->chain == 0 && s->pref == f->pref && s->handle == f->handle &&
	       s->protocol == f->protocol && !strcmp(s->kind, filter_kind_name(f->kind));
}

/* Somebody else's in our place: a pref holds one kind and protocol, and one matchall. */
static bool filter_collides(const struct filter *f, const struct seen *s)
{
	if (s->chain != 0 || s->pref != f->pref || filter_is(f, s))
		return false;
	return strcmp(s->kind, filter_kind_name(f->kind)) || s->protocol != f->protocol ||
	       (f->kind == FILTER_MATCHALL && s->handle != 0);
}

static int filter_taken(const struct filter *f, const struct seen *s, struct error *err)
{
	const char *hook = f->egress ? "egress" : "ingress";

	return error_say(
		err, EEXIST,
		"%s of '%s': pref %u is taken by a filter that is not hapep's "
		"(kind %s): give it another pref, or delete it (tc filter del dev "
		"%s %s pref %u)",
		hook, f->dev, f->pref, s->kind, f->dev, hook, f->pref);
}

int filter_find(struct netlink *nl, const struct filter *f, struct seen *found,
		struct error *err)
{
	_cleanup_seen_ struct seen_list list = { 0 };
	int r = seen_read(nl, f->ifindex, f->egress, &list, err);

	*found = (struct seen){ .handle = 0, .parent = list.n ? list.seen[0].parent : 0 };
	for (size_t i = 0; i < list.n && !r; i++) {
		if (filter_is(f, &list.seen[i]))
			*found = list.seen[i];
		else if (filter_collides(f, &list.seen[i]))
			r = filter_taken(f, &list.seen[i], err);
	}
	return r;
}

static int filter_apply(struct netlink *nl, const struct filter *f, struct error *err)
{
	struct filter put = *f;
	struct seen found;
	int r = filter_find(nl, f, &found, err);
	bool replace = found.handle;

	if (r < 0 || (replace && !filter_differs(f, &found, NULL)))
		return r;
	if (replace && f->kind == FILTER_MATCHALL) {
		r = filter_delete(nl, f->dev, &found, err);
		replace = false;
	}
	/* Named as the others name it: the kernel shows them all by the last one's name.
	 */
	put.parent = found.parent;
	put.program.former = found.program;
	return r < 0 ? r : filter_put(nl, &put, replace, err);
}

int filters_apply(struct netlink *nl, const struct filter *f, size_t n, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		r = filter_apply(nl, &f[i], err);
	return r;
}

/* 1: wrong, and detail says how; 0: as wanted. */
static int filter_probe(struct netlink *nl, const struct filter *f, bool *there,
			struct text *detail, struct error *err)
{
	struct seen found;
	int r = filter_find(nl, f, &found, err);

	*there = found.handle;
	if (r == -EEXIST) {
		text_line(detail, "%s", err->msg);
		return 1;
	}
	if (r < 0)
		return r;
	if (*there)
		return filter_differs(f, &found, detail);
	text_line(detail, "%s of '%s': no %s filter with pref %u handle 0x%x",
		  f->egress ? "egress" : "ingress", f->dev, filter_kind_name(f->kind),
		  f->pref, f->handle);
	return 1;
}

int filters_probe(struct netlink *nl, const struct filter *f, size_t n,
		  enum step_state *state, struct text *detail, struct error *err)
{
	size_t there = 0, wrong = 0;

	for (size_t i = 0; i < n; i++) {
		bool found = false;
		int r = filter_probe(nl, &f[i], &found, detail, err);

		if (r < 0)
			return r;
		there += found;
		wrong += r > 0;
	}
	*state = !wrong ? STEP_PRESENT : !there ? STEP_ABSENT : STEP_DIFFERS;
	return 0;
}
