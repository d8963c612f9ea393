/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the policy rules: which routing table a packet is looked up in. */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netns/internal.h"

static struct netns_rule *rule_next(struct netns_rule *out, size_t *n, int family_index,
				    uint32_t pref, uint32_t table)
{
	struct netns_rule *r = &out[(*n)++];

	*r = (struct netns_rule){ .family = netns_family_af[family_index],
				  .pref = pref,
				  .table = table };
	return r;
}

/* Eligible packets that tc/steer's gate lets past the proxy. */
static size_t rules_past(const struct netns_plan *p, int family_index,
			 struct netns_rule *out)
{
	struct netns_rule *r;
	size_t n = 0;

	if (!p->ports.n)
		return 0;
	r = rule_next(out, &n, family_index, 90, NETNS_TABLE_SERVER);
	strcpy(r->iif, p->side[SIDE_CLIENT].inner);
	r->mark = r->mask = NETNS_MARK_PASS;
	r = rule_next(out, &n, family_index, 91, RT_TABLE_MAIN);
	strcpy(r->iif, p->side[SIDE_SERVER].inner);
	r->mark = r->mask = NETNS_MARK_PASS;
	return n;
}

/* Those that lead eligible packets to the proxy's sockets. */
static size_t rules_local(const struct netns_plan *p, int family_index,
			  struct netns_rule *out)
{
	struct netns_rule *r;
	size_t n = 0;

	for (size_t i = 0; i < p->ports.n; i++) {
		r = rule_next(out, &n, family_index, 100, NETNS_TABLE_LOCAL);
		strcpy(r->iif, p->side[SIDE_CLIENT].inner);
		r->dport = p->ports.range[i];
		r = rule_next(out, &n, family_index, 101, NETNS_TABLE_LOCAL);
		strcpy(r->iif, p->side[SIDE_SERVER].inner);
		r->sport = p->ports.range[i];
	}
	for (unsigned int side = 0; side < SIDES && p->ports.n; side++) {
		r = rule_next(out, &n, family_index, 102 + side, NETNS_TABLE_LOCAL);
		strcpy(r->iif, p->side[side].inner);
		r->mark = r->mask = NETNS_MARK_LOCAL;
	}
	return n;
}

size_t netns_rules(const struct netns_plan *p, int family_index,
		   struct netns_rule out[NETNS_RULES_MAX])
{
	struct netns_rule *r;
	size_t n;

	if (!netns_has_family(p, family_index))
		return 0;
	n = rules_past(p, family_index, out);
	n += rules_local(p, family_index, out + n);
	r = rule_next(out, &n, family_index, 110, NETNS_TABLE_SERVER);
	strcpy(r->oif, p->side[SIDE_SERVER].inner);
	r = rule_next(out, &n, family_index, 111, NETNS_TABLE_SERVER);
	strcpy(r->iif, "lo");
	r->mark = r->mask = NETNS_MARK_SERVER;
	r = rule_next(out, &n, family_index, 112, NETNS_TABLE_SERVER);
	strcpy(r->iif, p->side[SIDE_CLIENT].inner);
	return n;
}

static bool rule_same(const struct netns_rule *a, const struct netns_rule *b)
{
	return a->family == b->family && a->pref == b->pref && a->table == b->table &&
	       a->mark == b->mark && a->mask == b->mask && !strcmp(a->iif, b->iif) &&
	       !strcmp(a->oif, b->oif) && a->sport.first == b->sport.first &&
	       a->sport.last == b->sport.last && a->dport.first == b->dport.first &&
	       a->dport.last == b->dport.last;
}

static size_t rule_format_ports(const char *word, const struct port_range *range,
				char *text, size_t size)
{
	if (!range->last)
		return 0;
	if (range->first == range->last)
		return (size_t)snprintf(text, size, " ipproto tcp %s %u", word,
					range->first);
	return (size_t)snprintf(text, size, " ipproto tcp %s %u-%u", word, range->first,
				range->last);
}

/* As `ip rule` takes it. */
static const char *rule_format(const struct netns_rule *r, char text[160])
{
	size_t n = (size_t)snprintf(text, 160, "pref %u", r->pref);

	if (r->iif[0])
		n += (size_t)snprintf(text + n, 160 - n, " iif %s", r->iif);
	if (r->oif[0])
		n += (size_t)snprintf(text + n, 160 - n, " oif %s", r->oif);
	if (r->mark)
		n += (size_t)snprintf(text + n, 160 - n, " fwmark 0x%x/0x%x", r->mark,
				      r->mask);
	n += rule_format_ports("sport", &r->sport, text + n, 160 - n);
	n += rule_format_ports("dport", &r->dport, text + n, 160 - n);
	snprintf(text + n, 160 - n, " lookup %u protocol %d", r->table, NETNS_OWNER);
	return text;
}

static void rule_put(struct nl_msg *msg, const struct netns_rule *r)
{
	struct fib_rule_port_range sport = { r->sport.first, r->sport.last };
	struct fib_rule_port_range dport = { r->dport.first, r->dport.last };
	int bad = nla_put_u32(msg, FRA_PRIORITY, r->pref);

	bad |= nla_put_u32(msg, FRA_TABLE, r->table);
	bad |= nla_put_u8(msg, FRA_PROTOCOL, NETNS_OWNER);
	if (r->iif[0])
		bad |= nla_put_string(msg, FRA_IIFNAME, r->iif);
	if (r->oif[0])
		bad |= nla_put_string(msg, FRA_OIFNAME, r->oif);
	if (r->mark) {
		bad |= nla_put_u32(msg, FRA_FWMARK, r->mark);
		bad |= nla_put_u32(msg, FRA_FWMASK, r->mask);
	}
	if (sport.end || dport.end)
		bad |= nla_put_u8(msg, FRA_IP_PROTO, IPPROTO_TCP);
	if (sport.end)
		bad |= nla_put(msg, FRA_SPORT_RANGE, sizeof(sport), &sport);
	if (dport.end)
		bad |= nla_put(msg, FRA_DPORT_RANGE, sizeof(dport), &dport);
	if (bad)
		abort();
}

static int rule_send(struct netlink *nl, int type, int flags, const struct netns_rule *r,
		     struct error *err)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	struct fib_rule_hdr h = { .family = (unsigned char)r->family,
				  .table = (unsigned char)r->table,
				  .action = FR_ACT_TO_TBL };
	char text[160];

	if (!msg || nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO) < 0)
		abort();
	rule_put(msg, r);
	return netlink_send(nl, msg, err, "%s rule '%s'",
			    type == RTM_NEWRULE ? "add" : "delete", rule_format(r, text));
}

/* The wanted rules of a family, and hapep's rules that nobody wants. */
struct rule_survey {
	struct netns_rule wanted[NETNS_RULES_MAX], extra[NETNS_RULES_MAX];
	bool found[NETNS_RULES_MAX];
	size_t n, extras;
};

static void rule_range(const struct nlattr *a, struct port_range *out)
{
	const struct fib_rule_port_range *range;

	if (!a || nla_len(a) < (int)sizeof(*range))
		return;
	range = nla_data(a);
	*out = (struct port_range){ range->start, range->end };
}

static void rule_parse(const struct fib_rule_hdr *h, struct nlattr *at[],
		       struct netns_rule *r)
{
	*r = (struct netns_rule){ .family = h->family, .table = h->table };
	if (at[FRA_PRIORITY])
		r->pref = nla_get_u32(at[FRA_PRIORITY]);
	if (at[FRA_TABLE])
		r->table = nla_get_u32(at[FRA_TABLE]);
	if (at[FRA_FWMARK])
		r->mark = nla_get_u32(at[FRA_FWMARK]);
	if (at[FRA_FWMASK] && r->mark)
		r->mask = nla_get_u32(at[FRA_FWMASK]);
	if (at[FRA_IIFNAME])
		nla_strlcpy(r->iif, at[FRA_IIFNAME], sizeof(r->iif));
	if (at[FRA_OIFNAME])
		nla_strlcpy(r->oif, at[FRA_OIFNAME], sizeof(r->oif));
	rule_range(at[FRA_SPORT_RANGE], &r->sport);
	rule_range(at[FRA_DPORT_RANGE], &r->dport);
}

static void rule_seen(struct nlmsghdr *h, void *arg)
{
	struct rule_survey *s = arg;
	const struct fib_rule_hdr *m = nlmsg_data(h);
	struct nlattr *at[FRA_MAX + 1];
	struct netns_rule has;

	if (h->nlmsg_type != RTM_NEWRULE ||
	    nlmsg_parse(h, sizeof(*m), at, FRA_MAX, NULL) < 0 || !at[FRA_PROTOCOL] ||
	    nla_get_u8(at[FRA_PROTOCOL]) != NETNS_OWNER)
		return;
	rule_parse(m, at, &has);
	for (size_t i = 0; i < s->n; i++) {
		if (!s->found[i] && rule_same(&s->wanted[i], &has)) {
			s->found[i] = true;
			return;
		}
	}
	if (s->extras < NETNS_RULES_MAX)
		s->extra[s->extras++] = has;
}

static int rule_survey(struct netlink *nl, const struct netns_plan *p, int family_index,
		       struct rule_survey *s, struct error *err)
{
	int r;

	*s = (struct rule_survey){ 0 };
	s->n = netns_rules(p, family_index, s->wanted);
	r = netns_dump(nl, RTM_GETRULE, netns_family_af[family_index], rule_seen, s, err);
	/* A kernel without that family has no rules of it either. */
	return (r == -EAFNOSUPPORT || r == -EOPNOTSUPP) && !s->n ? 0 : r;
}

/* What is new comes before what is old goes: connections see one or the other. */
static int rule_converge(struct netlink *nl, const struct rule_survey *s,
			 struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < s->n && !r; i++) {
		if (!s->found[i])
			r = rule_send(nl, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL,
				      &s->wanted[i], err);
	}
	for (size_t i = 0; i < s->extras && !r; i++) {
		r = rule_send(nl, RTM_DELRULE, 0, &s->extra[i], err);
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

/* The kernel refuses rules whose port range ends at 65535. */
#define RULE_PORT_MAX 65534

int netns_rule_apply(const struct netns_plan *p, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct rule_survey s;
	int r;

	if (p->ports.n && p->ports.range[p->ports.n - 1].last > RULE_PORT_MAX)
		return error_say(err, EINVAL,
				 "service port 65535 cannot be proxied: the kernel's "
				 "routing rules take ports up to %d",
				 RULE_PORT_MAX);
	r = netns_connect(p->name, &nl, err);
	for (int family = 0; family < FAMILIES && !r; family++) {
		r = rule_survey(nl, p, family, &s, err);
		if (!r)
			r = rule_converge(nl, &s, err);
	}
	return r;
}

int netns_rule_probe(const struct netns_plan *p, enum step_state *state,
		     struct text *detail, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct netns_tally t = { .detail = detail };
	struct rule_survey s;
	char text[160];
	int r = netns_connect_probe(p->name, &nl, err);

	*state = STEP_ABSENT;
	if (r < 0 || !nl)
		return r;
	for (int family = 0; family < FAMILIES; family++) {
		const char *name = family == FAMILY_IPV6 ? "IPv6" : "IPv4";

		r = rule_survey(nl, p, family, &s, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < s.n; i++) {
			if (s.found[i])
				t.right++;
			else
				netns_tally_missing(&t, "%s rule '%s' is missing", name,
						    rule_format(&s.wanted[i], text));
		}
		for (size_t i = 0; i < s.extras; i++)
			netns_tally_different(&t, "%s rule '%s' is not configured", name,
					      rule_format(&s.extra[i], text));
	}
	*state = netns_tally_state(&t);
	return 0;
}

void netns_rule_describe(const struct netns_plan *p, struct text *out)
{
	struct netns_rule rules[NETNS_RULES_MAX];
	char text[160];

	for (int family = 0; family < FAMILIES; family++) {
		size_t n = netns_rules(p, family, rules);

		for (size_t i = 0; i < n; i++)
			text_line(out, "ip -n %s%s rule add %s", p->name,
				  netns_family_option(family),
				  rule_format(&rules[i], text));
	}
}
