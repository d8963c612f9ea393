/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the checks of the namespace's TCP and netfilter: queues, TIME_WAIT, conntrack. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/doctor.h"
#include "deploy/scenario.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/netstat.h"

#define CONNTRACK_MAX (1 << 20) /* bytes of its list that are looked through */

static int netstat_read(const struct doctor *d, char **out, struct error *err)
{
	char *text = memory_new(1, NETSTAT_MAX);
	int r = doctor_read_inside(d, "proc/net/netstat", text, NETSTAT_MAX);

	if (r < 0) {
		free(text);
		return error_set(err, -r, "read /proc/net/netstat in the namespace");
	}
	*out = text;
	return 0;
}

int doctor_listen(struct doctor *d, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	long long overflows, drops;
	struct doctor_finding *f;
	int r = netstat_read(d, &text, err);

	if (r < 0)
		return r;
	overflows = netstat_counter(text, "TcpExt:", "ListenOverflows");
	drops = netstat_counter(text, "TcpExt:", "ListenDrops");
	if (overflows <= 0 && drops <= 0)
		return 0;
	f = doctor_find(d, DOCTOR_WARNING);
	text_add(&f->what, "connections were lost in the listening queues since up");
	text_add(&f->read,
		 "ip netns exec %s nstat -asz TcpExtListenOverflows TcpExtListenDrops: "
		 "%lld, %lld",
		 d->plan.name, overflows, drops);
	text_add(&f->why, "The instances accepted more slowly than connections came; the "
			  "client of each tried again after a second, or gave up.");
	text_add(&f->mend,
		 "more haproxy.processes, or a longer haproxy.backlog (it is %u), then "
		 "hapep down and hapep up, which also starts the counters anew",
		 d->plan.haproxy.backlog);
	return 0;
}

/* Sockets in TIME_WAIT now: "TCP: inuse 5 orphan 0 tw 17 alloc 6 mem 1". */
static long time_wait_now(const struct doctor *d)
{
	char text[1024];
	const char *at;

	if (doctor_read_inside(d, "proc/net/sockstat", text, sizeof(text)) < 0)
		return -1;
	at = strstr(text, "TCP:");
	at = at ? strstr(at, " tw ") : NULL;
	return at ? atol(at + 4) : -1;
}

int doctor_time_wait(struct doctor *d, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	struct doctor_finding *f;
	char most[32] = "0";
	long long overflow;
	long now = time_wait_now(d);
	int r = netstat_read(d, &text, err);

	if (r < 0)
		return r;
	overflow = netstat_counter(text, "TcpExt:", "TCPTimeWaitOverflow");
	doctor_read_inside(d, "proc/sys/net/ipv4/tcp_max_tw_buckets", most, sizeof(most));
	if (overflow <= 0 && now < atol(most) / 5 * 4)
		return 0;
	f = doctor_find(d, DOCTOR_WARNING);
	text_add(&f->what, overflow > 0
				   ? "connections were closed without TIME_WAIT since up"
				   : "TIME_WAIT is nearly full");
	text_add(&f->read,
		 "in the namespace: TCPTimeWaitOverflow %lld; /proc/net/sockstat: tw "
		 "%ld; tcp_max_tw_buckets %s",
		 overflow, now, most);
	text_add(&f->why, "What arrives late for such a connection is answered with RST, "
			  "or taken for the next one with the same ports.");
	text_add(&f->mend,
		 "ip netns exec %s sysctl -w net.ipv4.tcp_max_tw_buckets=%ld (256 bytes "
		 "each, when used)",
		 d->plan.name, atol(most) > 524288 ? 2 * atol(most) : 1048576);
	return 0;
}

/* ---- connection tracking */

/* The number after the first "dport=" of a line: of the original direction. */
static bool conntrack_service(const struct doctor *d, const char *line)
{
	const char *at = strstr(line, " tcp ");
	const char *sport = at ? strstr(at, "sport=") : NULL;
	const char *dport = at ? strstr(at, "dport=") : NULL;
	const struct ports *ports = &d->plan.netns.ports;

	if (!sport || !dport)
		return false;
	return ports_contain(ports, (uint16_t)atoi(dport + 6)) ||
	       ports_contain(ports, (uint16_t)atoi(sport + 6));
}

/* The list's lines of the service's ports; the first of them goes to example. -1: no
 * list. */
static long conntrack_services(const struct doctor *d, char example[256])
{
	_cleanup_free_ char *text = memory_new(1, CONNTRACK_MAX);
	char *save = NULL;
	long n = 0;

	if (doctor_read_inside(d, "proc/net/nf_conntrack", text, CONNTRACK_MAX) < 0)
		return -1;
	for (const char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (conntrack_service(d, line) && !n++)
			snprintf(example, 256, "%s", line);
	}
	return n;
}

int doctor_conntrack(struct doctor *d, struct error *err)
{
	char count[32], example[256] = "";
	struct doctor_finding *f;
	long services;

	(void)err;
	/* Without the file the kernel has no connection tracking loaded. */
	if (doctor_read_inside(d, "proc/sys/net/netfilter/nf_conntrack_count", count,
			       sizeof(count)) <= 0 ||
	    atol(count) <= 0)
		return 0;
	services = conntrack_services(d, example);
	/* iptables' own exemption turns tracking on, for all that is not exempt. */
	if (!services && d->plan.config.scenario == SCENARIO_NF_IPT)
		return 0;
	f = doctor_find(d, services > 0 ? DOCTOR_FAULT : DOCTOR_WARNING);
	text_add(&f->what, "connection tracking is at work in the namespace%s",
		 services > 0 ? ", on the service's connections" : "");
	text_add(&f->read,
		 "ip netns exec %s sysctl net.netfilter.nf_conntrack_count: %s%s%s",
		 d->plan.name, count, example[0] ? "; /proc/net/nf_conntrack: " : "",
		 example);
	text_add(&f->why, "HAProxy takes the destination that conntrack remembers, which "
			  "may be another than the client's (HAProxy issue 3192), and "
			  "each connection costs the tracking of two.");
	text_add(&f->mend,
		 "find and remove the rule that wants it: ip netns exec %s nft list "
		 "ruleset; ip netns exec %s iptables-save; then conntrack -F there",
		 d->plan.name, d->plan.name);
	return 0;
}

int doctor_hooks(struct doctor *d, struct error *err)
{
	int scenario = d->plan.config.scenario;
	_cleanup_text_ struct text names = { 0 };
	struct error why = { 0 };
	struct doctor_finding *f;
	int n;

	/* NF-IPT's rules are hooks themselves; "state" says whether they are as wanted.
	 */
	if (scenario == SCENARIO_NF_IPT || d->nsfd < 0)
		return 0;
	n = netns_hooks(d->plan.name, &names, &why);
	/* A kernel that cannot list them has none of the kinds that it can be asked for.
	 */
	if (n == -EOPNOTSUPP || !n)
		return 0;
	if (n < 0) {
		*err = why;
		return n;
	}
	/* Security modules' are everywhere, and cheap: NO-NF alone promises none at all.
	 */
	if (scenario != SCENARIO_NO_NF && netns_hooks_inborn(names.text))
		return 0;
	f = doctor_find(d, scenario == SCENARIO_NO_NF ? DOCTOR_FAULT : DOCTOR_WARNING);
	text_add(&f->what, "netfilter hooks are in the namespace, and %s has none",
		 scenario_name(scenario));
	text_add(&f->read, "the kernel's list of hooks in '%s': %s", d->plan.name,
		 names.text);
	text_add(&f->why,
		 "Each packet passes them, so what is measured or promised of the "
		 "scenario does not hold.");
	if (netns_hooks_inborn(names.text))
		text_add(&f->mend, "%s", netns_hooks_remedy(names.text));
	else
		text_add(
			&f->mend,
			"ip netns exec %s nft flush ruleset; or find whose they are: ip netns "
			"exec %s nft list ruleset; ip netns exec %s iptables-save",
			d->plan.name, d->plan.name, d->plan.name);
	return 0;
}
