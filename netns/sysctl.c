/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the namespace's sysctls: which, to what, and why. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "netns/internal.h"

#define SYSCTL_ROOT "/proc/sys/net"

enum {
	SYSCTL_OPTIONAL = 1, /* a kernel that lacks it is good enough */
	SYSCTL_IPV6 = 2,     /* where the plan has IPv6 */
	SYSCTL_NO_IPV6 = 4,  /* where it has not */
};

/*
 * In the order in which they are written. A '*' in the path stands for all, default
 * and both inner ends. A new namespace starts with the host's conf/all and
 * conf/default for IPv4 (net.core.devconf_inherit_init_net) and the host's tcp_rmem,
 * tcp_wmem: hence also values that are a kernel's defaults but not every host's.
 */
static const struct sysctl {
	const char *path;
	const char *value;
	int flags;
} sysctls[] = {
	/* Forwarding first: the kernel resets others (accept_redirects) with it. */
	{ "ipv4/ip_forward", "1", 0 },
	{ "ipv4/conf/*/forwarding", "1", 0 },
	/* The proxy answers and connects with addresses that lie on the other side. */
	{ "ipv4/conf/*/rp_filter", "0", 0 },
	/*
	 * The way back of what passes by the proxy is asked for with its mark too: else
	 * rules 100 and 101 would make its source a martian, local address.
	 */
	{ "ipv4/conf/*/src_valid_mark", "1", 0 },
	{ "ipv4/conf/*/log_martians", "0", 0 },
	/* With 1 (Kubernetes sets it) 127.0.0.1 could be reached from the wire. */
	{ "ipv4/conf/*/route_localnet", "0", 0 },
	/* Neighbours keep their routes: both directions must pass here. */
	{ "ipv4/conf/*/send_redirects", "0", 0 },
	{ "ipv4/conf/*/accept_redirects", "0", 0 },
	{ "ipv4/conf/*/accept_source_route", "0", 0 },
	/* Each veth answers for its own addresses only, and asks as itself. */
	{ "ipv4/conf/*/arp_filter", "0", 0 },
	{ "ipv4/conf/*/arp_ignore", "1", 0 },
	{ "ipv4/conf/*/arp_announce", "2", 0 },
	{ "ipv4/conf/*/proxy_arp", "0", 0 },
	/* netns_announce tells the neighbours where the addresses are. */
	{ "ipv4/conf/*/arp_notify", "1", 0 },
	/* A changed address does not take the network's other addresses with it. */
	{ "ipv4/conf/*/promote_secondaries", "1", 0 },
	/* RST and ICMP answers leave on the side that they answer: rule 111. */
	{ "ipv4/fwmark_reflect", "1", 0 },
	/* HAProxy binds a client's own port, which may be below 1024, without privilege.
	 */
	{ "ipv4/ip_unprivileged_port_start", "0", 0 },
	/* `usesrc clientip` takes its ports from here. */
	{ "ipv4/ip_local_port_range", "1024 65535", 0 },
	{ "ipv4/ip_no_pmtu_disc", "0", 0 },
	/*
	 * A proxied flow's packets take the socket's route and pass none of the rules.
	 * Those that this would keep from passing by the proxy tc/steer forwards itself
	 * (tc/past.bpf.h). Both families.
	 */
	{ "ipv4/ip_early_demux", "1", 0 },
	{ "ipv4/tcp_early_demux", "1", SYSCTL_OPTIONAL },
	/* The safety net where a path's ICMP is filtered (RFC 4821). */
	{ "ipv4/tcp_mtu_probing", "1", 0 },

	/* The longest queue of a listener: it holds what comes while HAProxy restarts. */
	{ "core/somaxconn", "65535", 0 },
	{ "ipv4/tcp_max_syn_backlog", "65536", 0 },
	{ "ipv4/tcp_syncookies", "1", 0 },
	/* A listener that closes hands its half-open connections to its group (5.14). */
	{ "ipv4/tcp_migrate_req", "1", SYSCTL_OPTIONAL },

	/*
	 * A client's port, used again, is an onward 4-tuple used again: it may still be
	 * in TIME_WAIT here. Timestamps make it safe once their clock (1 ms) has moved;
	 * before 6.14 the kernel waits for a whole second.
	 */
	{ "ipv4/tcp_timestamps", "1", 0 },
	{ "ipv4/tcp_tw_reuse", "1", 0 },
	{ "ipv4/tcp_tw_reuse_delay", "1", SYSCTL_OPTIONAL },
	/* 17,000 a second for the 60 s that each stays; about 256 bytes each, when used.
	 */
	{ "ipv4/tcp_max_tw_buckets", "1048576", 0 },
	/* Closed here, not yet by the peer: 20 s outlast a satellite's retransmissions.
	 */
	{ "ipv4/tcp_fin_timeout", "20", 0 },

	{ "ipv4/tcp_window_scaling", "1", 0 },
	{ "ipv4/tcp_sack", "1", 0 },
	{ "ipv4/tcp_dsack", "1", 0 },
	{ "ipv4/tcp_moderate_rcvbuf", "1", 0 },
	/*
	 * Half of a buffer is window: 64 MiB carry 500 Mb/s over a geostationary
	 * satellite's 550 ms. Sizes of idle and short connections stay the kernel's;
	 * the sum is bounded by the host's tcp_mem.
	 */
	{ "ipv4/tcp_rmem", "4096 131072 67108864", 0 },
	{ "ipv4/tcp_wmem", "4096 16384 67108864", 0 },
	/* An object fetched after a pause starts with the window that the path earned. */
	{ "ipv4/tcp_slow_start_after_idle", "0", 0 },
	/*
	 * The cache is keyed by both addresses, here every client's with every server's:
	 * an entry made under one lock for each new pair, and what a fade or a handover
	 * taught it (RTT, reordering) would burden that client's next connection.
	 */
	{ "ipv4/tcp_no_metrics_save", "1", 0 },

	{ "ipv6/conf/*/disable_ipv6", "1", SYSCTL_NO_IPV6 | SYSCTL_OPTIONAL },
	{ "ipv6/conf/*/disable_ipv6", "0", SYSCTL_IPV6 },
	{ "ipv6/conf/*/forwarding", "1", SYSCTL_IPV6 },
	{ "ipv6/conf/*/accept_ra", "0", SYSCTL_IPV6 },
	{ "ipv6/conf/*/autoconf", "0", SYSCTL_IPV6 },
	{ "ipv6/conf/*/router_solicitations", "0", SYSCTL_IPV6 },
	{ "ipv6/conf/*/accept_redirects", "0", SYSCTL_IPV6 },
	{ "ipv6/conf/*/accept_source_route", "0", SYSCTL_IPV6 },
	/*
	 * The MAC address is the NIC's, so the link-local address may be the host's too;
	 * and until its check is over (1 s) no neighbour of a client's packet is asked.
	 */
	{ "ipv6/conf/*/accept_dad", "0", SYSCTL_IPV6 },
	{ "ipv6/conf/*/dad_transmits", "0", SYSCTL_IPV6 },
	{ "ipv6/conf/*/ndisc_notify", "1", SYSCTL_IPV6 },
	{ "ipv6/fwmark_reflect", "1", SYSCTL_IPV6 },
	/* Before 6.3 the kernel refuses routes beyond 4096; later it ignores this. */
	{ "ipv6/route/max_size", "2147483647", SYSCTL_IPV6 | SYSCTL_OPTIONAL },
};

#define SYSCTLS (sizeof(sysctls) / sizeof(sysctls[0]))

enum { SCOPE_ALL, SCOPE_DEFAULT, SCOPE_CLIENT, SCOPE_SERVER, SCOPES };

static bool sysctl_wanted(const struct sysctl *s, const struct netns_plan *p)
{
	bool ipv6 = netns_has_family(p, FAMILY_IPV6);

	return !(s->flags & (ipv6 ? SYSCTL_NO_IPV6 : SYSCTL_IPV6));
}

/* Writes the path for a scope; false where that scope has none (no '*': only one). */
static bool sysctl_path(const struct sysctl *s, const struct netns_plan *p, int scope,
			char path[128])
{
	const char *const names[SCOPES] = { "all", "default", p->side[SIDE_CLIENT].inner,
					    p->side[SIDE_SERVER].inner };
	const char *star = strchr(s->path, '*');

	if (!star) {
		snprintf(path, 128, "%s", s->path);
		return scope == SCOPE_ALL;
	}
	snprintf(path, 128, "%.*s%s%s", (int)(star - s->path), s->path, names[scope],
		 star + 1);
	return true;
}

/* As sysctl(8) writes it. */
static const char *sysctl_name(const char *path, char name[160])
{
	snprintf(name, 160, "net.%s", path);
	for (char *c = name; *c; c++) {
		if (*c == '/')
			*c = '.';
	}
	return name;
}

bool netns_sysctl_same(const char *a, const char *b)
{
	for (;;) {
		while (isspace((unsigned char)*a))
			a++;
		while (isspace((unsigned char)*b))
			b++;
		if (!*a || !*b)
			return !*a && !*b;
		while (*a && *a == *b && !isspace((unsigned char)*a)) {
			a++;
			b++;
		}
		if ((*a && !isspace((unsigned char)*a)) ||
		    (*b && !isspace((unsigned char)*b)))
			return false;
	}
}

/* What is done to each sysctl, and the walk's state. */
struct sysctl_walk {
	const struct netns_plan *plan;
	bool scopes[SCOPES];
	int (*each)(struct sysctl_walk *w, const struct sysctl *s, const char *path,
		    struct error *err);
	struct netns_tally tally;
	int root; /* SYSCTL_ROOT, as this thread's namespace has it */
};

static int sysctl_walk(struct sysctl_walk *w, struct error *err)
{
	char path[128];
	int r = 0;

	for (size_t i = 0; i < SYSCTLS; i++) {
		if (!sysctl_wanted(&sysctls[i], w->plan))
			continue;
		for (int scope = 0; scope < SCOPES && !r; scope++) {
			if (w->scopes[scope] &&
			    sysctl_path(&sysctls[i], w->plan, scope, path))
				r = w->each(w, &sysctls[i], path, err);
		}
	}
	return r;
}

/* Reads a value without its newline. */
static int sysctl_read(int root, const char *path, char value[128])
{
	_cleanup_close_ int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, value, 127);

	if (n < 0)
		return -errno;
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	for (char *c = value; *c; c++) {
		if (*c == '\t')
			*c = ' ';
	}
	return 0;
}

static int sysctl_write(struct sysctl_walk *w, const struct sysctl *s, const char *path,
			struct error *err)
{
	_cleanup_close_ int fd = -1;
	char has[128], name[160];
	int r = sysctl_read(w->root, path, has);

	if (r == -ENOENT && s->flags & SYSCTL_OPTIONAL)
		return 0;
	sysctl_name(path, name);
	if (r == -ENOENT)
		return error_say(err, ENOENT,
				 "set %s=%s: this kernel has no such sysctl, or the "
				 "interface has gone",
				 name, s->value);
	if (r < 0)
		return error_set(err, -r, "read %s", name);
	if (netns_sysctl_same(has, s->value))
		return 0;
	fd = openat(w->root, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, s->value, strlen(s->value)) < 0)
		return error_set(err, errno, "set %s=%s%s", name, s->value,
				 errno == EROFS
					 ? " (/proc/sys is mounted read-only: in a "
					   "container it takes a privileged one)"
					 : "");
	return 0;
}

static int sysctl_compare(struct sysctl_walk *w, const struct sysctl *s, const char *path,
			  struct error *err)
{
	char has[128], name[160];
	int r = sysctl_read(w->root, path, has);

	if (r == -ENOENT && s->flags & SYSCTL_OPTIONAL)
		return 0;
	sysctl_name(path, name);
	if (r == -ENOENT)
		netns_tally_missing(&w->tally, "%s is missing", name);
	else if (r < 0)
		return error_set(err, -r, "read %s", name);
	else if (!netns_sysctl_same(has, s->value))
		netns_tally_different(&w->tally, "%s is %s, not %s", name, has, s->value);
	else
		w->tally.right++;
	return 0;
}

/* For probes: an interface that is not there is told once, not for each sysctl. */
static void sysctl_skip_missing(struct sysctl_walk *w)
{
	char path[64];

	for (int side = 0; side < SIDES; side++) {
		const char *inner = w->plan->side[side].inner;

		snprintf(path, sizeof(path), "ipv4/conf/%s", inner);
		if (!faccessat(w->root, path, F_OK, 0))
			continue;
		w->scopes[SCOPE_CLIENT + side] = false;
		netns_tally_missing(&w->tally, "%s is missing", inner);
	}
}

static int sysctl_inside(void *arg, struct error *err)
{
	_cleanup_close_ int root = open(SYSCTL_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct sysctl_walk *w = arg;

	if (root < 0)
		return error_set(err, errno, "open " SYSCTL_ROOT);
	w->root = root;
	if (w->each == sysctl_compare)
		sysctl_skip_missing(w);
	return sysctl_walk(w, err);
}

static int sysctl_apply(const struct netns_plan *p, bool client, bool server,
			struct error *err)
{
	_cleanup_close_ int nsfd = namespace_open(p->name, err);
	struct sysctl_walk w = { .plan = p,
				 .scopes = { true, true, client, server },
				 .each = sysctl_write };
	int r;

	if (nsfd < 0)
		return nsfd;
	r = namespace_call(nsfd, sysctl_inside, &w, err);
	return r < 0 ? error_wrap(err, "network namespace '%s'", p->name) : 0;
}

int netns_sysctl_apply(const struct netns_plan *p, struct error *err)
{
	return sysctl_apply(p, true, true, err);
}

int netns_sysctl_apply_side(const struct netns_plan *p, int side, struct error *err)
{
	return sysctl_apply(p, side == SIDE_CLIENT, side == SIDE_SERVER, err);
}

int netns_sysctl_probe(const struct netns_plan *p, enum step_state *state,
		       struct text *detail, struct error *err)
{
	struct sysctl_walk w = { .plan = p,
				 .scopes = { true, true, true, true },
				 .each = sysctl_compare,
				 .tally = { .detail = detail } };
	_cleanup_close_ int nsfd = namespace_open(p->name, err);
	int r;

	*state = STEP_ABSENT;
	if (nsfd < 0)
		return nsfd == -ENOENT || nsfd == -ESTALE ? 0 : nsfd;
	r = namespace_call(nsfd, sysctl_inside, &w, err);
	if (r < 0)
		return r;
	*state = netns_tally_state(&w.tally);
	return 0;
}

/* -e: keys that this kernel lacks are passed over. */
void netns_sysctl_describe(const struct netns_plan *p, struct text *out)
{
	char path[128], name[160];

	for (size_t i = 0; i < SYSCTLS; i++) {
		for (int scope = 0; scope < SCOPES; scope++) {
			if (!sysctl_wanted(&sysctls[i], p) ||
			    !sysctl_path(&sysctls[i], p, scope, path))
				continue;
			text_line(out, "ip netns exec %s sysctl -q%sw %s='%s'", p->name,
				  sysctls[i].flags & SYSCTL_OPTIONAL ? "e" : "",
				  sysctl_name(path, name), sysctls[i].value);
		}
	}
}
