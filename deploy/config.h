/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A blade's configuration as the operator wrote it, validated whole. */
#ifndef DEPLOY_CONFIG_H
#define DEPLOY_CONFIG_H

#include <net/if.h>
#include <stdio.h>

#include "haproxy/haproxy.h"
#include "helpers/config.h"
#include "helpers/ports.h"
#include "helpers/prefix.h"
#include "netns/netns.h"
#include "tc/tc.h"

enum scenario {
	SCENARIO_AUTO, /* whichever of the next two the running kernel is */
	SCENARIO_NO_NF,
	SCENARIO_NF_NO_IPT,
	SCENARIO_NF_IPT,
	SCENARIO_SK_LOOKUP,
};

enum no_nf { NO_NF_EFFECTIVE, NO_NF_STRICT };
enum config_fail { CONFIG_FAIL_OPEN, CONFIG_FAIL_CLOSED };

/* Whether HAProxy listens on the proxy port, and something maps the service ports to it.
 */
static inline bool scenario_maps(int scenario)
{
	return scenario == SCENARIO_NF_IPT || scenario == SCENARIO_SK_LOOKUP;
}

enum numa { NUMA_BIND, NUMA_SPREAD };
enum smt { SMT_YES, SMT_NO };
enum rss_mode {
	RSS_SYMMETRIC,  /* both directions of a flow to one queue */
	RSS_ASYMMETRIC, /* a random key */
	RSS_OFF,        /* the NIC's queues, interrupts and XPS are left alone */
};

struct config_side {
	char nic[IFNAMSIZ];
	unsigned int vlan;               /* 0: untagged */
	struct prefix address[FAMILIES]; /* address =, address6 = */
	struct prefix gateway[FAMILIES]; /* gateway =, gateway6 = */
	unsigned int mtu;                /* 0: the NIC's */
	char congestion[16];
	unsigned int initcwnd;
};

#define CONFIG_QUEUES_MAX   256
#define CONFIG_ACCEPT_AUTO  2    /* the placement decides: placement_accept */
#define CONFIG_CPULIST_SIZE 1536 /* bytes: 256 CPUs in any order */
_Static_assert(CONFIG_CPULIST_SIZE < CONFIG_LINE_MAX - 100, "a list fits in a line");

struct config {
	/* [blade] */
	int scenario; /* enum scenario */
	int engine;   /* enum netns_engine */
	int no_nf;    /* enum no_nf */
	int datapath; /* enum tc_datapath */
	/* [client], [server] */
	struct config_side side[SIDES];
	/* [service] */
	struct ports ports;
	unsigned int proxy_port;
	int fail; /* enum config_fail */
	/* [haproxy] */
	char binary[256];
	char user[32];
	int model, mode, splice, source, scheduling; /* enums of haproxy/haproxy.h */
	int reuse;                                   /* 0 no, 1 yes */
	struct ports http_ports;                     /* n = 0: all */
	int accept;             /* enum haproxy_accept, or CONFIG_ACCEPT_AUTO */
	unsigned int processes; /* 0: auto, one a CPU that hapep may use */
	unsigned int maxconn; /* of each instance; 0: what the descriptor limit carries */
	unsigned int backlog;
	char cpus[CONFIG_CPULIST_SIZE]; /* a CPU list, "0-3,8"; "": where the queues are
					 */
	/* [placement] */
	unsigned int queues;                  /* of each NIC; 0: auto, one a CPU */
	char queue_cpus[CONFIG_CPULIST_SIZE]; /* "": the NIC's node's */
	int numa;                             /* enum numa */
	int smt;                              /* enum smt */
	int rss;                              /* enum rss_mode */
	/* [timeouts], milliseconds */
	unsigned int timeout_connect, timeout_idle, timeout_fin;
};

/* The table that drives parsing, defaults, validation, manual and `config --defaults`. */
extern const struct config_table config_blade_table;

/*
 * Reads and validates a whole configuration. All faults (CONFIG_FAULTS_MAX, then their
 * number) are reported, one a line in faults, as "FILE:LINE: section.key: expected ...,
 * got '...'"; returns -EINVAL then, and -errno with one line where the file cannot be
 * read. Nothing in the system is changed or looked at, but that cross-checks within the
 * file are made: both sides distinguishable (different NICs or different VLANs),
 * addresses differ and do not share a network, a gateway on-link in its side's network
 * and not the own address, a gateway for every address, both sides with the same
 * families, MTU >= 1280 with IPv6, at most 64 threads and 64 single ports. An IPv6
 * gateway may be link-local. *out is whole only where 0 is returned.
 */
int config_read(const char *path, struct config *out, struct text *faults);
/* The same from memory, for the fuzzer. name stands for the file in messages. */
int config_parse(const char *name, const char *bytes, size_t length, struct config *out,
		 struct text *faults);
/* The configuration written back as INI, all keys, with comments where described. */
void config_write(const struct config *c, bool describe, struct text *out);
void config_defaults(struct config *out);
/* One key that differs, as both would be written; borrowed texts. */
struct config_change {
	const char *section, *key, *from, *to;
};
/* Calls each for every key that differs, in the table's order. */
void config_compare(const struct config *from, const struct config *to,
		    void (*each)(const struct config_change *change, void *arg),
		    void *arg);
/*
 * Replaces what is auto in `wanted` by what a blade in service has found for it: the
 * scenario, which `hapep scenario` may have chosen, the datapath, the numbers of
 * processes and queues with their CPUs, where all that they follow from is as it was
 * `before`, and likewise maxconn. The rest stays auto, to be found anew.
 */
void config_settle(struct config *wanted, const struct config *before,
		   const struct config *running);
/*
 * Adds "section.key = old -> new" for each key that differs, joined by "; ". What is
 * auto in `to` does not differ.
 */
void config_difference(const struct config *from, const struct config *to,
		       struct text *out);

#endif
