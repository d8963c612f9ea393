/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the addresses of the inner ends. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/namespace.h"
#include "netns/internal.h"

/* The routes to the connected networks are hapep's own: they carry metrics. */
#define ADDRESS_FLAGS IFA_F_NOPREFIXROUTE

/* Addresses on the inner ends that should not be there; more than this is absurd. */
#define ADDRESS_EXTRAS 32

struct address_extra {
	struct prefix address;
	int side;
	bool wanted; /* the right address, but with a prefix route or a failed DAD */
};

struct address_survey {
	const struct netns_plan *plan;
	int ifindex[SIDES];          /* 0: no such interface */
	bool found[SIDES][FAMILIES]; /* as wanted */
	bool wrong[SIDES][FAMILIES]; /* also among the extras */
	struct address_extra extra[ADDRESS_EXTRAS];
	size_t extras;
};

static bool address_link_local(const struct prefix *a)
{
	return a->family == AF_INET6 && a->bytes[0] == 0xfe &&
	       (a->bytes[1] & 0xc0) == 0x80;
}

static void address_note(struct address_survey *s, int side, const struct prefix *has,
			 uint32_t flags)
{
	int family = has->family == AF_INET6 ? FAMILY_IPV6 : FAMILY_IPV4;
	bool wanted = prefix_equal(has, &s->plan->side[side].address[family]);

	if (wanted && flags & IFA_F_NOPREFIXROUTE && !(flags & IFA_F_DADFAILED))
		s->found[side][family] = true;
	else if (s->extras < ADDRESS_EXTRAS)
		s->extra[s->extras++] = (struct address_extra){ *has, side, wanted };
	s->wrong[side][family] |= wanted && !s->found[side][family];
}

static void address_seen(struct nlmsghdr *h, void *arg)
{
	struct address_survey *s = arg;
	const struct ifaddrmsg *m = nlmsg_data(h);
	struct prefix has = { .family = m->ifa_family, .length = m->ifa_prefixlen };
	struct nlattr *at[IFA_MAX + 1], *local;

	if (h->nlmsg_type != RTM_NEWADDR ||
	    (m->ifa_family != AF_INET && m->ifa_family != AF_INET6) ||
	    nlmsg_parse(h, sizeof(*m), at, IFA_MAX, NULL) < 0)
		return;
	local = at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS];
	if (!local || nla_len(local) != (int)prefix_bytes(has.family))
		return;
	memcpy(has.bytes, nla_data(local), prefix_bytes(has.family));
	if (address_link_local(&has))
		return;
	for (int side = 0; side < SIDES; side++) {
		if (s->ifindex[side] == (int)m->ifa_index)
			address_note(s, side, &has,
				     at[IFA_FLAGS] ? nla_get_u32(at[IFA_FLAGS])
						   : m->ifa_flags);
	}
}

static int address_survey(struct netlink *nl, const struct netns_plan *p,
			  struct address_survey *s, struct error *err)
{
	*s = (struct address_survey){ .plan = p };
	for (int side = 0; side < SIDES; side++) {
		s->ifindex[side] = netns_ifindex(nl, p->side[side].inner, err);
		if (s->ifindex[side] < 0)
			return s->ifindex[side];
	}
	return netns_dump(nl, RTM_GETADDR, AF_UNSPEC, address_seen, s, err);
}

static int address_send(struct netlink *nl, int type, int flags, int ifindex,
			const char *device, const struct prefix *a, struct error *err)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	struct ifaddrmsg m = { .ifa_family = (unsigned char)a->family,
			       .ifa_prefixlen = (unsigned char)a->length,
			       .ifa_index = (unsigned int)ifindex };
	int bytes = (int)prefix_bytes(a->family);
	char text[PREFIX_TEXT_SIZE];
	uint32_t ifa_flags = ADDRESS_FLAGS;

	if (a->family == AF_INET6)
		ifa_flags |= IFA_F_NODAD;
	if (!msg || nlmsg_append(msg, &m, sizeof(m), NLMSG_ALIGNTO) < 0 ||
	    nla_put(msg, IFA_LOCAL, bytes, a->bytes) < 0 ||
	    nla_put(msg, IFA_ADDRESS, bytes, a->bytes) < 0 ||
	    (type == RTM_NEWADDR && nla_put_u32(msg, IFA_FLAGS, ifa_flags) < 0))
		abort();
	return netlink_send(nl, msg, err, "%s address %s on '%s'",
			    type == RTM_NEWADDR ? "set" : "remove",
			    prefix_format(a, true, text), device);
}

static int address_remove_extras(struct netlink *nl, const struct address_survey *s,
				 struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < s->extras && r >= 0; i++) {
		int side = s->extra[i].side;

		r = address_send(nl, RTM_DELADDR, 0, s->ifindex[side],
				 s->plan->side[side].inner, &s->extra[i].address, err);
		if (r == -EADDRNOTAVAIL)
			r = 0;
	}
	return r;
}

static int address_add_missing(struct netlink *nl, const struct address_survey *s,
			       struct error *err)
{
	int r = 0;

	for (int i = 0; i < SIDES * FAMILIES && !r; i++) {
		const struct netns_side *side = &s->plan->side[i / FAMILIES];
		const struct prefix *a = &side->address[i % FAMILIES];

		if (!a->family || s->found[i / FAMILIES][i % FAMILIES])
			continue;
		if (!s->ifindex[i / FAMILIES])
			return error_say(
				err, ENODEV,
				"there is no interface '%s' in network namespace "
				"'%s'",
				side->inner, s->plan->name);
		r = address_send(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
				 s->ifindex[i / FAMILIES], side->inner, a, err);
	}
	return r;
}

int netns_address_apply(const struct netns_plan *p, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct address_survey s;
	int r = netns_connect(p->name, &nl, err);

	if (!r)
		r = address_survey(nl, p, &s, err);
	if (r < 0)
		return r;
	/* First, since the last IPv4 address takes a device's routes with it. */
	r = address_add_missing(nl, &s, err);
	if (r < 0 || !s.extras)
		return r;
	r = address_remove_extras(nl, &s, err);
	/* An address can go with the one that it was secondary to. */
	if (!r)
		r = address_survey(nl, p, &s, err);
	return r < 0 ? r : address_add_missing(nl, &s, err);
}

static void address_compare(const struct address_survey *s, struct netns_tally *t)
{
	char text[PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < s->extras; i++)
		netns_tally_different(
			t, "%s: %s %s", s->plan->side[s->extra[i].side].inner,
			prefix_format(&s->extra[i].address, true, text),
			s->extra[i].wanted ? "has a prefix route or failed DAD"
					   : "is not configured");
	for (int i = 0; i < SIDES * FAMILIES; i++) {
		const struct netns_side *side = &s->plan->side[i / FAMILIES];
		const struct prefix *a = &side->address[i % FAMILIES];

		if (!a->family)
			continue;
		if (s->found[i / FAMILIES][i % FAMILIES])
			t->right++;
		else if (!s->wrong[i / FAMILIES][i % FAMILIES])
			netns_tally_missing(t, "%s: %s is missing", side->inner,
					    prefix_format(a, true, text));
	}
}

int netns_address_probe(const struct netns_plan *p, enum step_state *state,
			struct text *detail, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct netns_tally t = { .detail = detail };
	struct address_survey s;
	int r = netns_connect_probe(p->name, &nl, err);

	*state = STEP_ABSENT;
	if (r < 0 || !nl)
		return r;
	r = address_survey(nl, p, &s, err);
	if (r < 0)
		return r;
	address_compare(&s, &t);
	*state = netns_tally_state(&t);
	return 0;
}

void netns_address_describe(const struct netns_plan *p, struct text *out)
{
	char text[PREFIX_TEXT_SIZE];

	for (int i = 0; i < SIDES * FAMILIES; i++) {
		const struct netns_side *side = &p->side[i / FAMILIES];
		const struct prefix *a = &side->address[i % FAMILIES];

		if (a->family)
			text_line(out,
				  "ip -n %s%s address replace %s dev %s noprefixroute%s",
				  p->name, netns_family_option(i % FAMILIES),
				  prefix_format(a, true, text), side->inner,
				  a->family == AF_INET6 ? " nodad" : "");
	}
}
