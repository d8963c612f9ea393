/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the two veth pairs that lead into the namespace. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <netlink/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/veth.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/log.h"
#include "netns/internal.h"
#include "netns/veth.h"

/* The kernel's default, and more than a device without a queueing discipline uses. */
#define VETH_TXQUEUELEN 1000

#define IPV6_MIN_MTU 1280 /* RFC 8200, section 5 */

/* One queue for each CPU, so that cores do not meet at a transmit lock. */
static unsigned int veth_queues(void)
{
	int n = libbpf_num_possible_cpus();

	return n < 1 ? 1 : n > 4096 ? 4096 : (unsigned int)n;
}

static void veth_set_mac(struct rtnl_link *link, const unsigned char *mac)
{
	struct nl_addr *a = nl_addr_build(AF_LLC, mac, 6);

	if (!a)
		abort();
	rtnl_link_set_addr(link, a);
	nl_addr_put(a);
}

/* Everything that can only be given at creation, in one atomic request. */
static int veth_add(struct veth *v, struct error *err)
{
	struct rtnl_link *host = rtnl_link_veth_alloc(), *inner;
	int r;

	if (!host)
		abort();
	inner = rtnl_link_veth_get_peer(host);
	rtnl_link_set_name(host, v->end[VETH_HOST].name);
	rtnl_link_set_group(host, NETNS_OWNER);
	rtnl_link_set_name(inner, v->end[VETH_INNER].name);
	rtnl_link_set_ns_fd(inner, v->nsfd);
	veth_set_mac(inner, v->side->mac);
	for (int i = 0; i < 2; i++) {
		struct rtnl_link *end = i == VETH_HOST ? host : inner;

		rtnl_link_set_mtu(end, v->end[i].mtu);
		rtnl_link_set_txqlen(end, VETH_TXQUEUELEN);
		rtnl_link_set_num_tx_queues(end, veth_queues());
		rtnl_link_set_num_rx_queues(end, veth_queues());
	}
	r = rtnl_link_add(netlink_sock(v->nl[VETH_HOST]), host,
			  NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(inner);
	rtnl_link_veth_release(host);
	r = netlink_result(v->nl[VETH_HOST], r, err,
			   "create the veth pair %s and %s in network namespace '%s'",
			   v->end[VETH_HOST].name, v->end[VETH_INNER].name,
			   v->plan->name);
	return r < 0 ? r : veth_look_both(v, err);
}

static int veth_drop(struct veth *v, int i, struct error *err)
{
	int r = rtnl_link_delete(netlink_sock(v->nl[i]), v->link[i]);

	r = netlink_result(v->nl[i], r, err, "delete interface '%s'", v->end[i].name);
	return r == -ENODEV ? 0 : r;
}

/* A pair that is not one is ours to take away, except for a foreign host end. */
static int veth_clear(struct veth *v, struct error *err)
{
	struct rtnl_link *host = v->link[VETH_HOST];
	int r = 0;

	if (host && !veth_owned(host))
		return error_say(
			err, EEXIST,
			"create the veth pair %s: there is an interface '%s' "
			"already, and it is not hapep's: rename or delete it (ip "
			"link delete %s), or choose another name for the "
			"instance",
			v->end[VETH_HOST].name, v->end[VETH_HOST].name,
			v->end[VETH_HOST].name);
	if (host)
		r = veth_drop(v, VETH_HOST, err);
	if (!r && v->link[VETH_INNER])
		r = veth_drop(v, VETH_INNER, err);
	return r;
}

static int veth_change(struct veth *v, int i, struct rtnl_link *change, const char *what,
		       struct error *err)
{
	int r = rtnl_link_change(netlink_sock(v->nl[i]), v->link[i], change, 0);

	rtnl_link_put(change);
	return netlink_result(v->nl[i], r, err, "%s interface '%s'", what,
			      v->end[i].name);
}

static struct rtnl_link *veth_change_new(void)
{
	struct rtnl_link *change = rtnl_link_alloc();

	if (!change)
		abort();
	return change;
}

/* MTU and MAC address. Crossing 1280 bytes makes or unmakes the device's IPv6. */
static int veth_converge_size(struct veth *v, int i, struct error *err)
{
	const struct veth_end *e = &v->end[i];
	struct rtnl_link *change;
	int r;

	if (rtnl_link_get_mtu(v->link[i]) == e->mtu && veth_mac_same(v->link[i], e->mac))
		return 0;
	change = veth_change_new();
	rtnl_link_set_mtu(change, e->mtu);
	if (e->mac)
		veth_set_mac(change, e->mac);
	r = veth_change(v, i, change, "set MTU and MAC address of", err);
	return r < 0 ? r : veth_look(v->nl[i], e->name, &v->link[i], err);
}

/* On its own, and before the flags: the kernel takes it last of a request. */
static int veth_converge_addrgenmode(struct veth *v, int i, struct error *err)
{
	struct rtnl_link *change;

	if (!v->link[i] || veth_addrgenmode_same(v->link[i], v->end[i].addrgenmode))
		return 0;
	change = veth_change_new();
	rtnl_link_inet6_set_addr_gen_mode(change, v->end[i].addrgenmode);
	return veth_change(v, i, change, "set addrgenmode of", err);
}

static int veth_converge_up(struct veth *v, int i, struct error *err)
{
	struct rtnl_link *change;

	if (!v->link[i] || rtnl_link_get_flags(v->link[i]) & IFF_UP)
		return 0;
	change = veth_change_new();
	rtnl_link_set_flags(change, IFF_UP);
	return veth_change(v, i, change, "bring up", err);
}

static int veth_converge(struct veth *v, int side, struct error *err)
{
	int r = 0;

	for (int i = 0; i < 2 && !r; i++) {
		r = veth_converge_size(v, i, err);
		if (!r)
			r = veth_converge_addrgenmode(v, i, err);
	}
	/* Before it is up: no martian, and no second of duplicate address detection. */
	if (!r)
		r = netns_sysctl_apply_side(v->plan, side, err);
	for (int i = 0; i < 2 && !r; i++)
		r = veth_converge_up(v, i, err);
	return r;
}

int netns_veth_create(const struct netns_plan *p, int side, struct error *err)
{
	_cleanup_veth_ struct veth v = veth_of(p, side);
	int r;

	if (netns_has_family(p, FAMILY_IPV6) && v.side->mtu < IPV6_MIN_MTU)
		return error_say(err, EINVAL,
				 "set up interface '%s': its MTU of %u is below %d, the "
				 "least that IPv6 works with: raise it, or configure no "
				 "IPv6 address",
				 v.side->inner, v.side->mtu, IPV6_MIN_MTU);
	r = veth_open(&v, err);
	if (!r && !veth_paired(&v)) {
		r = veth_clear(&v, err);
		if (!r)
			r = veth_add(&v, err);
		if (!r && !veth_paired(&v))
			r = error_say(err, EAGAIN, "the veth pair %s vanished: try again",
				      v.end[VETH_HOST].name);
	}
	return r ? r : veth_converge(&v, side, err);
}

static void veth_compare(const struct veth *v, int i, struct netns_tally *t)
{
	struct rtnl_link *link = v->link[i];
	const struct veth_end *e = &v->end[i];

	if (rtnl_link_get_mtu(link) != e->mtu)
		netns_tally_different(t, "%s: mtu is %u, not %u", e->name,
				      rtnl_link_get_mtu(link), e->mtu);
	if (!veth_mac_same(link, e->mac))
		netns_tally_different(t, "%s: its MAC address is not the NIC's", e->name);
	if (!veth_addrgenmode_same(link, e->addrgenmode))
		netns_tally_different(t, "%s: addrgenmode is not %s", e->name,
				      e->addrgenmode == IN6_ADDR_GEN_MODE_NONE ? "none"
									       : "eui64");
	if (e->group && rtnl_link_get_group(link) != e->group)
		netns_tally_different(t, "%s: not in device group %u", e->name, e->group);
	if (!(rtnl_link_get_flags(link) & IFF_UP))
		netns_tally_different(t, "%s is down", e->name);
	else
		t->right++;
}

int netns_veth_probe(const struct netns_plan *p, int side, enum step_state *state,
		     struct text *detail, struct error *err)
{
	_cleanup_veth_ struct veth v = veth_of(p, side);
	struct netns_tally t = { .detail = detail };
	int r = veth_open(&v, err);

	*state = STEP_ABSENT;
	if (r < 0)
		return r == -ENOENT || r == -ESTALE ? 0 : r;
	for (int i = 0; i < 2; i++) {
		if (!v.link[i])
			netns_tally_missing(&t, "%s is missing", v.end[i].name);
		else
			veth_compare(&v, i, &t);
	}
	if (v.link[VETH_HOST] && v.link[VETH_INNER] && !veth_paired(&v))
		netns_tally_different(&t, "%s and %s are no veth pair",
				      v.end[VETH_HOST].name, v.end[VETH_INNER].name);
	*state = netns_tally_state(&t);
	return 0;
}

void netns_veth_describe(const struct netns_plan *p, int side, struct text *out)
{
	const struct netns_side *s = &p->side[side];
	const unsigned char *m = s->mac;
	unsigned int q = veth_queues();

	text_line(
		out,
		"ip link add %s mtu %u txqueuelen %u numtxqueues %u numrxqueues %u group "
		"%d type veth peer name %s netns %s address "
		"%02x:%02x:%02x:%02x:%02x:%02x mtu %u txqueuelen %u numtxqueues %u "
		"numrxqueues %u",
		s->host, s->mtu, VETH_TXQUEUELEN, q, q, NETNS_OWNER, s->inner, p->name,
		m[0], m[1], m[2], m[3], m[4], m[5], s->mtu, VETH_TXQUEUELEN, q, q);
	text_line(out, "ip link set %s addrgenmode none", s->host);
	text_line(out, "ip link set %s up", s->host);
	text_line(out, "ip -n %s link set %s up", p->name, s->inner);
}

int netns_veth_delete(const char *host, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct rtnl_link *link = NULL;
	int r = netlink_open(-1, &nl, err);

	if (!r)
		r = veth_look(nl, host, &link, err);
	if (r < 0 || !link)
		return r;
	if (!veth_owned(link)) {
		log_warning("interface '%s' is not hapep's: left alone", host);
	} else {
		r = rtnl_link_delete(netlink_sock(nl), link);
		r = netlink_result(nl, r, err, "delete interface '%s'", host);
		r = r == -ENODEV ? 0 : r;
	}
	rtnl_link_put(link);
	return r;
}
