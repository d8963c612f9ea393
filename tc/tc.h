/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a frame goes: from the NIC to the namespace and back, by mirred or by BPF. */
#ifndef TC_TC_H
#define TC_TC_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>

#include "helpers/error.h"
#include "helpers/ports.h"
#include "helpers/step.h"
#include "helpers/text.h"

enum tc_datapath { TC_DATAPATH_AUTO, TC_DATAPATH_MIRRED, TC_DATAPATH_BPF };

/* One side's way, index 0 the client's, 1 the server's. */
struct tc_side {
	char nic[IFNAMSIZ];   /* both sides may have the same */
	char host[IFNAMSIZ];  /* the veth's end beside the NIC */
	char inner[IFNAMSIZ]; /* the veth's end in the namespace */
	unsigned int vlan;    /* 1..4094; 0: untagged */
};

struct tc_plan {
	char netns[16];            /* the namespace's name */
	enum tc_datapath datapath; /* MIRRED or BPF: AUTO is resolved before */
	struct tc_side side[2];
	unsigned int mark_server; /* fwmark bits that tc/steer sets, see netns/netns.h */
	unsigned int mark_local;
	bool reset; /* tc/reset: needs the client's port on the onward connection */
	struct ports answered; /* but for servers on these ports */
	unsigned int mark_pass;
	struct ports ports;   /* of the service, for the gate */
	struct ports leaving; /* were the service's: what is proxied of them ends so */
	/* Where the TPROXY rule leads them; 0: there is none. */
	unsigned int proxy_port;
	bool fail_closed; /* the gate shuts by tc_gate_set alone, never by its deadline */
};

const char *tc_datapath_name(enum tc_datapath d);

/*
 * Asks the running kernel, in a scratch network namespace that it makes and removes,
 * whether it has all that the datapath needs (mirred: clsact, cls_flower, cls_matchall,
 * act_vlan, act_mirred; bpf: clsact, cls_bpf, bpf_redirect_peer, 5.10; both: cls_bpf
 * for tc/steer). 0: it has; -EOPNOTSUPP: err says what is missing and how to get it.
 */
int tc_datapath_check(enum tc_datapath d, struct error *err);

/*
 * Inside the namespace, on both inner ends: mirred pops the tag on ingress and pushes
 * it on egress; both datapaths attach tc/steer, which marks packets by side and sends
 * ICMP errors about proxied flows to the proxy's sockets, and, where the plan says so,
 * tc/reset, which passes a server's RST on to the client.
 */
int tc_inner_apply(const struct tc_plan *p, struct error *err);
int tc_inner_probe(const struct tc_plan *p, enum step_state *state, struct text *detail,
		   struct error *err);
int tc_inner_record(const struct tc_plan *p, json_t **out, struct error *err);
void tc_inner_describe(const struct tc_plan *p, struct text *out);
/* Each filter of `to` takes the place of the one before it, then the rest of `from` goes.
 */
int tc_inner_change(const struct tc_plan *from, const struct tc_plan *to,
		    struct error *err);

/*
 * The gate: whether tc/steer leads new connections to the listeners, or marks them to be
 * forwarded past the proxy. A flow that has a socket in the namespace goes on to it in
 * either case, one that was forwarded is forwarded to its end.
 */
enum tc_gate_state { TC_GATE_PASS, TC_GATE_OPEN, TC_GATE_DRAINED };
const char *tc_gate_state_name(enum tc_gate_state s); /* pass, open, drained */

/*
 * Finds the gate by the programs on the inner ends, in the namespace nsfd (-1: the one
 * with the plan's name). *out is the caller's: tc_gate_close. -ENOENT: there is none.
 */
struct tc_gate;
int tc_gate_find(const struct tc_plan *p, int nsfd, struct tc_gate **out,
		 struct error *err);
void tc_gate_close(struct tc_gate *g);

/*
 * Opens the gate for hold_ms from now, or shuts it (DRAINED: also where fail_closed is
 * set). Looks for the programs anew, so that it reaches those that replaced the first.
 */
int tc_gate_set(struct tc_gate *g, enum tc_gate_state state, unsigned int hold_ms,
		struct error *err);

/* Has the gate look for listeners on that port too (the plan's proxy_port); 0: no more.
 */
void tc_gate_point(struct tc_gate *g, unsigned int proxy_port);

/*
 * Ports become the service's whose flows were forwarded, and shall be: with fail_closed
 * the gate asks for sockets from now on.
 */
int tc_gate_mix(const struct tc_plan *p, struct error *err);
/* Opens a gate that is new, for a second: it replaces one that was open, or none. */
int tc_gate_begin(const struct tc_plan *p, struct error *err);

struct tc_gate_reading {
	enum tc_gate_state state;       /* as packets find it now */
	unsigned int shut_ms;           /* PASS: how long ago the deadline was; 0: none */
	unsigned long long connections; /* let past, since the programs were loaded */
	unsigned long long packets;     /* of these, both ways */
};
int tc_gate_read(struct tc_gate *g, struct tc_gate_reading *out, struct error *err);

/* On both host ends: what comes out of the namespace goes to the NIC.
 */
int tc_host_apply(const struct tc_plan *p, struct error *err);
int tc_host_probe(const struct tc_plan *p, enum step_state *state, struct text *detail,
		  struct error *err);
int tc_host_record(const struct tc_plan *p, json_t **out, struct error *err);
void tc_host_describe(const struct tc_plan *p, struct text *out);

/*
 * On the NIC's ingress: frames of the side's VLAN go into the namespace. An untagged
 * side takes IPv4, IPv6 and ARP, and priority-tagged frames (VLAN id 0); LLDP, LACP,
 * 802.1X and other VLANs stay the host's. A clsact or ingress qdisc and filters of
 * somebody else stay untouched; only a qdisc that hapep made is removed by undo, and
 * only while no filter of somebody else's is in it. record and apply: -EEXIST where
 * somebody else's filter has one of our prefs (tc/numbers.h); record also where
 * another blade has the frames already.
 */
int tc_nic_record(const struct tc_plan *p, json_t **out, struct error *err);
int tc_nic_apply(const struct tc_plan *p, struct error *err);
int tc_nic_probe(const struct tc_plan *p, enum step_state *state, struct text *detail,
		 struct error *err);
void tc_nic_describe(const struct tc_plan *p, struct text *out);
/* Idempotent; a NIC that is gone is success. */
int tc_undo(const json_t *record, struct error *err);

#endif
