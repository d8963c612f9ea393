/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the routes of the namespace, as the kernel has them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "netns/internal.h"

/* Routes that should not be there; more than this are left for the next apply. */
#define ROUTE_EXTRAS 64

static void route_put(struct nl_msg *msg, const struct netns_route *r, int ifindex)
{
	int bytes = (int)prefix_bytes(r->family);
	int bad = nla_put_u32(msg, RTA_TABLE, r->table);
	struct nlattr *metrics;

	if (r->to.length)
		bad |= nla_put(msg, RTA_DST, bytes, r->to.bytes);
	if (r->gateway.family)
		bad |= nla_put(msg, RTA_GATEWAY, bytes, r->gateway.bytes);
	if (ifindex)
		bad |= nla_put_u32(msg, RTA_OIF, (uint32_t)ifindex);
	if (r->priority)
		bad |= nla_put_u32(msg, RTA_PRIORITY, r->priority);
	if (r->congestion[0] || r->initcwnd) {
		metrics = nla_nest_start(msg, RTA_METRICS);
		bad |= !metrics;
		if (r->congestion[0])
			bad |= nla_put_string(msg, RTAX_CC_ALGO, r->congestion);
		if (r->initcwnd)
			bad |= nla_put_u32(msg, RTAX_INITCWND, r->initcwnd);
		nla_nest_end(msg, metrics);
	}
	if (bad)
		abort();
}

static int route_replace(struct netlink *nl, const struct netns_route *r,
			 struct error *err)
{
	struct rtmsg m = { .rtm_family = (unsigned char)r->family,
			   .rtm_dst_len = (unsigned char)r->to.length,
			   .rtm_table = (unsigned char)r->table,
			   .rtm_protocol = NETNS_OWNER,
			   .rtm_scope = r->scope,
			   .rtm_type = r->type };
	int ifindex = r->device ? netlink_ifindex(nl, r->device, err) : 0;
	struct nl_msg *msg;
	char text[256];

	if (ifindex < 0)
		return ifindex;
	msg = nlmsg_alloc_simple(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	if (!msg || nlmsg_append(msg, &m, sizeof(m), NLMSG_ALIGNTO) < 0)
		abort();
	route_put(msg, r, ifindex);
	return netlink_send(nl, msg, err, "set route '%s'", netns_route_format(r, text));
}

/* A route as the kernel has it. */
struct route_seen {
	struct netns_route route;
	unsigned char protocol;
	int ifindex;
	char congestion[16];
};

/* The wanted routes of a family, and those in hapep's tables that nobody wants. */
struct route_survey {
	struct netlink *nl;
	struct netns_route wanted[NETNS_ROUTES_MAX];
	int ifindex[NETNS_ROUTES_MAX];
	bool found[NETNS_ROUTES_MAX];
	size_t n;
	struct nl_msg
		*extra[ROUTE_EXTRAS]; /* the kernel's own message, to be sent back */
	size_t extras;
};

static void route_survey_cleanup(struct route_survey *s)
{
	while (s->extras)
		nlmsg_free(s->extra[--s->extras]);
}
#define _cleanup_survey_ __attribute__((cleanup(route_survey_cleanup)))

static void route_prefix(const struct nlattr *a, int family, unsigned int length,
			 struct prefix *out)
{
	if (!a || nla_len(a) != (int)prefix_bytes(family))
		return;
	out->family = family;
	out->length = length;
	memcpy(out->bytes, nla_data(a), prefix_bytes(family));
}

static void route_metrics(struct nlattr *a, struct route_seen *out)
{
	struct nlattr *at[RTAX_MAX + 1];

	if (!a || nla_parse_nested(at, RTAX_MAX, a, NULL) < 0)
		return;
	if (at[RTAX_CC_ALGO])
		nla_strlcpy(out->congestion, at[RTAX_CC_ALGO], sizeof(out->congestion));
	if (at[RTAX_INITCWND])
		out->route.initcwnd = nla_get_u32(at[RTAX_INITCWND]);
}

static bool route_parse(struct nlmsghdr *h, struct route_seen *out)
{
	const struct rtmsg *m = nlmsg_data(h);
	struct nlattr *at[RTA_MAX + 1];

	*out = (struct route_seen){ .protocol = m->rtm_protocol,
				    .route = { .family = m->rtm_family,
					       .type = m->rtm_type,
					       .table = m->rtm_table,
					       .to = { .family = m->rtm_family } } };
	if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_flags & RTM_F_CLONED ||
	    nlmsg_parse(h, sizeof(*m), at, RTA_MAX, NULL) < 0)
		return false;
	if (at[RTA_TABLE])
		out->route.table = nla_get_u32(at[RTA_TABLE]);
	if (at[RTA_PRIORITY])
		out->route.priority = nla_get_u32(at[RTA_PRIORITY]);
	if (at[RTA_OIF])
		out->ifindex = (int)nla_get_u32(at[RTA_OIF]);
	route_prefix(at[RTA_DST], m->rtm_family, m->rtm_dst_len, &out->route.to);
	route_prefix(at[RTA_GATEWAY], m->rtm_family, prefix_bytes(m->rtm_family) * 8,
		     &out->route.gateway);
	route_metrics(at[RTA_METRICS], out);
	out->route.congestion = out->congestion;
	return true;
}

static bool route_same(const struct netns_route *want, int ifindex,
		       const struct route_seen *has)
{
	const struct netns_route *h = &has->route;

	return h->type == want->type && h->table == want->table &&
	       h->priority == want->priority && prefix_equal(&h->to, &want->to) &&
	       prefix_equal(&h->gateway, &want->gateway) &&
	       /* IPv6 shows lo, or nothing, for an unreachable route. */
	       (!ifindex || has->ifindex == ifindex) &&
	       !strcmp(h->congestion, want->congestion) && h->initcwnd == want->initcwnd;
}

static void route_keep(struct route_survey *s, struct nlmsghdr *h)
{
	struct nl_msg *copy;

	if (s->extras == ROUTE_EXTRAS)
		return;
	copy = nlmsg_convert(h);
	if (!copy)
		abort();
	s->extra[s->extras++] = copy;
}

static void route_seen(struct nlmsghdr *h, void *arg)
{
	struct route_survey *s = arg;
	struct route_seen has;

	if (!route_parse(h, &has))
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (!s->found[i] && route_same(&s->wanted[i], s->ifindex[i], &has)) {
			s->found[i] = true;
			return;
		}
	}
	/* Somebody else's routes in main are not for us to judge. */
	if (has.protocol == NETNS_OWNER || has.route.table == NETNS_TABLE_LOCAL ||
	    has.route.table == NETNS_TABLE_SERVER)
		route_keep(s, h);
}

static int route_survey(struct route_survey *s, struct netlink *nl,
			const struct netns_plan *p, int family_index, struct error *err)
{
	int r;

	route_survey_cleanup(s);
	*s = (struct route_survey){ .nl = nl };
	s->n = netns_routes(p, family_index, s->wanted);
	for (size_t i = 0; i < s->n; i++) {
		if (!s->wanted[i].device)
			continue;
		s->ifindex[i] = netns_ifindex(nl, s->wanted[i].device, err);
		if (s->ifindex[i] < 0)
			return s->ifindex[i];
		if (!s->ifindex[i])
			s->ifindex[i] = -1; /* matches no route */
	}
	r = netns_dump(nl, RTM_GETROUTE, netns_family_af[family_index], route_seen, s,
		       err);
	/* A kernel without that family has no routes of it either. */
	return (r == -EAFNOSUPPORT || r == -EOPNOTSUPP) && !s->n ? 0 : r;
}

static int route_remove(struct netlink *nl, struct nl_msg *extra, struct error *err)
{
	struct nlmsghdr *h = nlmsg_hdr(extra);
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_DELROUTE, 0);
	int r;

	if (!msg ||
	    nlmsg_append(msg, nlmsg_data(h), (size_t)nlmsg_datalen(h), NLMSG_ALIGNTO) < 0)
		abort();
	r = netlink_send(nl, msg, err, "delete a route that is not configured");
	return r == -ESRCH || r == -ENOENT ? 0 : r;
}

static int route_read_algorithms(void *arg, struct error *err)
{
	_cleanup_close_ int fd =
		open("/proc/sys/net/ipv4/tcp_available_congestion_control",
		     O_RDONLY | O_CLOEXEC);
	char *names = arg;
	ssize_t n = fd < 0 ? -1 : read(fd, names, 511);

	if (n <= 0)
		return error_set(err, errno, "read tcp_available_congestion_control");
	names[n] = '\0';
	names[strcspn(names, "\n")] = '\0';
	return 0;
}

/* The kernel's "Unknown tcp congestion algorithm", and which there are. */
static int route_explain(const struct netns_plan *p, const struct netns_route *route,
			 int code, struct error *err)
{
	_cleanup_close_ int nsfd = -1;
	char names[512];
	size_t used;

	if (!err || code != -EINVAL || !route->congestion[0])
		return code;
	nsfd = namespace_open(p->name, NULL);
	if (nsfd < 0 || namespace_call(nsfd, route_read_algorithms, names, NULL) < 0)
		return code;
	used = strlen(err->msg);
	snprintf(err->msg + used, sizeof(err->msg) - used,
		 "; congestion controls of this kernel: %s (modprobe tcp_%s may add it)",
		 names, route->congestion);
	return code;
}

static int route_converge(struct route_survey *s, const struct netns_plan *p,
			  int family_index, struct error *err)
{
	bool changed = false;
	int r = 0;

	for (size_t i = 0; i < s->n && !r; i++) {
		if (s->found[i])
			continue;
		changed = true;
		r = route_replace(s->nl, &s->wanted[i], err);
		if (r < 0)
			return route_explain(p, &s->wanted[i], r, err);
	}
	/* Replacing took some of the extras away. */
	if (changed)
		r = route_survey(s, s->nl, p, family_index, err);
	for (size_t i = 0; i < s->extras && !r; i++)
		r = route_remove(s->nl, s->extra[i], err);
	return r;
}

int netns_route_apply(const struct netns_plan *p, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	_cleanup_survey_ struct route_survey s = { 0 };
	int r = netns_connect(p->name, &nl, err);

	for (int family = 0; family < FAMILIES && !r; family++) {
		r = route_survey(&s, nl, p, family, err);
		if (!r)
			r = route_converge(&s, p, family, err);
	}
	return r;
}

/* The name of a device that some wanted route uses, for messages. */
static const char *route_device(const struct route_survey *s, int ifindex)
{
	for (size_t i = 0; i < s->n; i++) {
		if (ifindex && s->ifindex[i] == ifindex)
			return s->wanted[i].device;
	}
	return NULL;
}

static void route_compare(const struct route_survey *s, struct netns_tally *t)
{
	struct route_seen has;
	char text[256];

	for (size_t i = 0; i < s->n; i++) {
		if (s->found[i])
			t->right++;
		else
			netns_tally_missing(t, "route '%s' is missing",
					    netns_route_format(&s->wanted[i], text));
	}
	for (size_t i = 0; i < s->extras; i++) {
		if (!route_parse(nlmsg_hdr(s->extra[i]), &has))
			continue;
		has.route.device = route_device(s, has.ifindex);
		netns_tally_different(t, "route '%s' is not configured",
				      netns_route_format(&has.route, text));
	}
}

int netns_route_probe(const struct netns_plan *p, enum step_state *state,
		      struct text *detail, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	_cleanup_survey_ struct route_survey s = { 0 };
	struct netns_tally t = { .detail = detail };
	int r = netns_connect_probe(p->name, &nl, err);

	*state = STEP_ABSENT;
	if (r < 0 || !nl)
		return r;
	for (int family = 0; family < FAMILIES; family++) {
		r = route_survey(&s, nl, p, family, err);
		if (r < 0)
			return r;
		route_compare(&s, &t);
	}
	*state = netns_tally_state(&t);
	return 0;
}
