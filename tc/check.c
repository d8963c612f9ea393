/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns asking the running kernel for a datapath's parts, in a scratch namespace. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "tc/ends.h"
#include "tc/message.h"
#include "tc/numbers.h"
#include "tc/qdisc.h"
#include "tc/tc.h"

#define CHECK_LOOPBACK                                                                   \
	1 /* lo's index in a new namespace: a device to hang filters on                  \
	   */
#define CHECK_VLAN 100

const char *tc_datapath_name(enum tc_datapath d)
{
	static const char *const names[] = { "auto", "mirred", "bpf" };

	return names[d];
}

/* In a thread of its own: a namespace, held by a descriptor, or the negative errno. */
static void *check_scratch(void *arg)
{
	int *fd = arg;

	if (unshare(CLONE_NEWNET) < 0)
		*fd = -errno;
	else if ((*fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) < 0)
		*fd = -errno;
	return NULL;
}

static int check_open(struct netlink **nl, struct error *err)
{
	_cleanup_close_ int netns = -1;
	pthread_t thread;
	int r = pthread_create(&thread, NULL, check_scratch, &netns);

	if (r)
		return error_set(err, r, "start a thread");
	pthread_join(thread, NULL);
	if (netns < 0)
		return error_set(err, -netns,
				 "make a scratch network namespace (run as root)");
	return netlink_open(netns, nl, err);
}

/* Notes a missing part and goes on; a refusal for lack of rights ends the check. */
static int check_note(struct text *missing, const struct error *why)
{
	if (why->code == EPERM || why->code == EACCES || why->code == ENOMEM)
		return -why->code;
	text_add(missing, "%s%s", missing->length ? "; " : "", why->msg);
	return 0;
}

/* The filters of a plan whose every device is lo. */
static void check_filters(enum tc_datapath d, struct ends *out)
{
	struct filter *f;

	for (int push = 0; push < 2 && d == TC_DATAPATH_MIRRED; push++) {
		f = ends_add(out, "lo", CHECK_LOOPBACK, NUMBERS_PREF_VLAN + push * 4U, 0);
		f->kind = push ? FILTER_MATCHALL : FILTER_FLOWER;
		f->protocol = push ? ETH_P_ALL : ETH_P_8021Q;
		f->action = push ? FILTER_PUSH : FILTER_REDIRECT;
		f->vlan = CHECK_VLAN;
		f->target_ifindex = CHECK_LOOPBACK;
	}
	for (int kind = PROGRAM_NIC; kind <= PROGRAM_RESET_OUT; kind++) {
		if (kind < PROGRAM_STEER && d == TC_DATAPATH_MIRRED)
			continue;
		f = ends_add(out, "lo", CHECK_LOOPBACK, NUMBERS_PREF_STEER,
			     (unsigned)kind);
		f->kind = FILTER_BPF;
		f->program.kind = (enum program_kind)kind;
		f->program.vlan[0] = CHECK_VLAN;
		f->program.ifindex[0] = CHECK_LOOPBACK;
		/* With a port, or the verifier would not see the gate's helpers. */
		f->program.ports = (struct ports){ .range = { { 80, 80 } }, .n = 1 };
		f->program.leaving = f->program.ports;
	}
}

/* A classifier and an action, each alone, so that each one's absence has its name. */
static int check_parts(struct netlink *nl, const struct filter *f, struct text *missing)
{
	struct filter bare = *f;
	struct error why = { 0 };
	struct nl_msg *msg = message_action(f);
	char part[32];
	int r;

	bare.pref += 100;
	snprintf(part, sizeof(part), "cls_%s", filter_kind_name(f->kind));
	r = netlink_send(nl, message_bare(&bare), &why, "%s", part);
	if (r < 0)
		r = check_note(missing, &why);
	if (r < 0)
		return r;
	snprintf(part, sizeof(part), "act_%s",
		 f->action == FILTER_REDIRECT ? "mirred" : "vlan");
	r = msg ? netlink_send(nl, msg, &why, "%s", part)
		: error_say(&why, EOPNOTSUPP, "%s: unknown to libnl-route", part);
	return r < 0 ? check_note(missing, &why) : 0;
}

static int check_program(const struct filter *f, struct text *missing)
{
	struct error why = { 0 };
	int fd = -1;
	int r = program_load(&f->program, &fd, NULL, &why);

	if (fd >= 0)
		close(fd);
	return r < 0 ? check_note(missing, &why) : 0;
}

/* The filters as `up` makes them, read back as `status` does. */
static int check_whole(struct netlink *nl, const struct ends *e, struct text *missing)
{
	_cleanup_text_ struct text detail = { 0 };
	struct error why = { 0 };
	enum step_state state = STEP_ABSENT;
	int r = filters_apply(nl, e->filter, e->n, &why);

	if (r < 0)
		return check_note(missing, &why);
	r = filters_probe(nl, e->filter, e->n, &state, &detail, &why);
	if (r < 0)
		return check_note(missing, &why);
	if (state != STEP_PRESENT)
		text_add(missing, "the kernel changed a filter: %s", detail.text);
	return 0;
}

static int check_all(struct netlink *nl, const struct ends *e, struct text *missing,
		     struct error *err)
{
	int r = qdisc_ensure(nl, "lo", CHECK_LOOPBACK, err);

	if (r < 0)
		return check_note(missing, err);
	for (size_t i = 0; i < e->n && !r; i++)
		r = e->filter[i].kind == FILTER_BPF
			    ? check_program(&e->filter[i], missing)
			    : check_parts(nl, &e->filter[i], missing);
	return r < 0 || missing->length ? r : check_whole(nl, e, missing);
}

int tc_datapath_check(enum tc_datapath d, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	_cleanup_text_ struct text missing = { 0 };
	struct ends ends = { .n = 0 };
	int r = check_open(&nl, err);

	if (r < 0)
		return r;
	check_filters(d, &ends);
	r = check_all(nl, &ends, &missing, err);
	if (r < 0)
		return error_say(err, -r,
				 "ask the kernel for datapath = %s: %s (run as root)",
				 tc_datapath_name(d), strerror(-r));
	if (!missing.length)
		return 0;
	return error_say(
		err, EOPNOTSUPP, "datapath = %s needs what this kernel lacks: %s; %s",
		tc_datapath_name(d), missing.text,
		d == TC_DATAPATH_MIRRED
			? "load those modules (modprobe), or use datapath = bpf"
			: "Linux 5.10 with NET_SCH_INGRESS and NET_CLS_BPF has it, "
			  "or use datapath = mirred");
}
