/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the last look at the machine before the first change. */
#include <cap-ng.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/route/addr.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/preflight.h"
#include "deploy/scenario.h"
#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "helpers/netlink.h"

#define SUPERVISOR_DESCRIPTORS 1024 /* beside the listening sockets: stats and others */

static const char *const side_names[SIDES] = { "client", "server" };

int preflight_privileges(struct error *err)
{
	static const unsigned int need[] = { CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_NET_RAW };

	capng_get_caps_process();
	for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++) {
		if (!capng_have_capability(CAPNG_EFFECTIVE, need[i]))
			return error_say(
				err, EPERM,
				"the capability %s is missing: run hapep as root",
				capng_capability_to_name(need[i]));
	}
	return 0;
}

/* Names in the way: a namespace or host ends that no journal of ours tells of. */
static int preflight_names(const struct step_context *c, struct error *err)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), NAMESPACE_DIR "/%s", c->name);
	if (!stat(path, &st))
		return error_say(
			err, EEXIST,
			"network namespace '%s' exists and is not hapep's: choose "
			"another --name, or delete it (ip netns delete %s)",
			c->name, c->name);
	for (int s = 0; s < SIDES; s++) {
		if (if_nametoindex(c->netns.side[s].host))
			return error_say(
				err, EEXIST,
				"interface '%s' exists and is not hapep's: choose "
				"another --name, or delete it (ip link delete %s)",
				c->netns.side[s].host, c->netns.side[s].host);
	}
	return 0;
}

/* Asking for the algorithm on a socket makes the kernel load its module. */
static int preflight_congestion(const struct step_context *c, struct error *err)
{
	char available[256] = "";
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	for (int s = 0; s < SIDES; s++) {
		const char *name = c->netns.side[s].congestion;

		if (!name[0] || !setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name,
					    (socklen_t)strlen(name)))
			continue;
		f = fopen("/proc/sys/net/ipv4/tcp_available_congestion_control", "re");
		if (f && fgets(available, sizeof(available), f))
			available[strcspn(available, "\n")] = '\0';
		return error_say(err, ENOENT,
				 "%s.congestion: the kernel has no '%s'; it has: %s",
				 side_names[s], name, available);
	}
	return 0;
}

static int preflight_user(const struct step_context *c, struct error *err)
{
	if (!c->haproxy.user[0] || getpwnam(c->haproxy.user))
		return 0;
	return error_say(err, ENOENT,
			 "haproxy.user: there is no user '%s' (Debian's package haproxy "
			 "makes 'haproxy'; `user = root` runs as root)",
			 c->haproxy.user);
}

/* Untagged, the namespace takes all IP frames of the NIC: the machine's own too. */
static int preflight_untagged(const struct step_context *c, int side, struct netlink *nl,
			      struct error *err)
{
	struct nl_cache *cache = NULL;
	struct nl_object *o;
	char text[64] = "";
	int r = rtnl_addr_alloc_cache(netlink_sock(nl), &cache);

	if (r < 0)
		return netlink_result(nl, r, err, "list addresses");
	for (o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_addr *a = (struct rtnl_addr *)o;

		if (rtnl_addr_get_ifindex(a) == c->nic[side].ifindex &&
		    rtnl_addr_get_scope(a) != RT_SCOPE_LINK)
			nl_addr2str(rtnl_addr_get_local(a), text, sizeof(text));
	}
	nl_cache_free(cache);
	if (!text[0])
		return 0;
	return error_say(
		err, EADDRINUSE,
		"%s.nic: '%s' carries this machine's own address %s, and an "
		"untagged side takes all IP frames of its NIC: give the side a vlan, "
		"or remove the address (ip address delete %s dev %s)",
		side_names[side], c->nic[side].name, text, text, c->nic[side].name);
}

static int preflight_nics(const struct step_context *c, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	int r = netlink_open(-1, &nl, err);

	for (int s = 0; s < SIDES && !r; s++) {
		const struct nic *n = &c->nic[s];

		if (n->flags & IFF_LOOPBACK)
			return error_say(err, EINVAL,
					 "%s.nic: '%s' is a loopback interface",
					 side_names[s], n->name);
		if (c->netns.side[s].mtu > n->mtu)
			return error_say(
				err, EINVAL, "%s.mtu: %u is more than the %u of '%s'",
				side_names[s], c->netns.side[s].mtu, n->mtu, n->name);
		if (!c->tc.side[s].vlan)
			r = preflight_untagged(c, s, nl, err);
	}
	return r;
}

/* The supervisor, which inherits this limit, holds every listening socket. */
static int preflight_sockets(const struct step_context *c, struct error *err)
{
	unsigned int sockets = c->haproxy.processes * ports_count(&c->haproxy.ports);
	rlim_t need = sockets + SUPERVISOR_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_set(err, errno, "read the descriptor limit");
	if (limit.rlim_cur >= need)
		return 0;
	if (limit.rlim_max < need)
		return error_say(err, EMFILE,
				 "%u listening sockets (haproxy.processes x "
				 "service.ports) take %llu descriptors, the hard limit "
				 "is %llu: raise it (ulimit -Hn, LimitNOFILE= of the "
				 "unit), or choose scenario SK-LOOKUP or NF-IPT, which "
				 "take one socket an instance",
				 sockets, (unsigned long long)need,
				 (unsigned long long)limit.rlim_max);
	limit.rlim_cur = need;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_set(err, errno, "raise the descriptor limit to %llu",
				 (unsigned long long)need);
	return 0;
}

/* Every configuration through `haproxy -c`, with sockets that are bound to nothing. */
static int preflight_haproxy(const struct step_context *c, struct error *err)
{
	struct haproxy_listeners *l = NULL;
	int r = haproxy_plan_check(&c->haproxy, &c->version, err);

	if (!r)
		r = haproxy_listeners_open(&c->haproxy, -1, false, &l, err);
	if (!r)
		r = haproxy_check_all(&c->haproxy, &c->version, l, err);
	haproxy_listeners_close(l);
	return r;
}

int preflight_check(const struct step_context *c, enum preflight what, struct error *err)
{
	int r = what == PREFLIGHT_FIRST ? preflight_names(c, err) : 0;

	if (!r && what != PREFLIGHT_AGAIN)
		r = preflight_nics(c, err);
	if (!r)
		r = preflight_congestion(c, err);
	if (!r)
		r = preflight_user(c, err);
	if (!r)
		r = preflight_sockets(c, err);
	if (!r && what != PREFLIGHT_AGAIN)
		r = scenario_check(c->config.scenario, &c->netns, err);
	if (!r && what == PREFLIGHT_AGAIN)
		r = scenario_verify(c, err);
	if (!r && what != PREFLIGHT_AGAIN)
		r = preflight_haproxy(c, err);
	return r;
}
