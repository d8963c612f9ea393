/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the table of a blade's configuration, and reading and writing its file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/config.h"
#include "deploy/config_check.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

#define DAY_MS (24 * 3600 * 1000UL)

static const char *const scenario_names[] = { "auto",   "NO-NF",     "NF-NO-IPT",
					      "NF-IPT", "SK-LOOKUP", NULL };
static const char *const engine_names[] = { "nft", "iptables", NULL };
static const char *const no_nf_names[] = { "effective", "strict", NULL };
static const char *const datapath_names[] = { "auto", "mirred", "bpf", NULL };
static const char *const fail_names[] = { "open", "closed", NULL };
static const char *const model_names[] = { "processes", "threads", NULL };
static const char *const mode_names[] = { "tcp", "http", NULL };
static const char *const reuse_names[] = { "no", "yes", NULL };
static const char *const scheduling_names[] = { "other", "batch", NULL };
static const char *const splice_names[] = { "auto", "on", "off", NULL };
static const char *const source_names[] = { "client", "clientip", NULL };
static const char *const accept_names[] = { "hash", "cpu", "auto", NULL };
static const char *const rss_names[] = { "symmetric", "asymmetric", "off", NULL };
static const char *const numa_names[] = { "bind", "spread", NULL };
static const char *const smt_names[] = { "yes", "no", NULL };
static const char *const auto_name[] = { "auto", NULL };
static const char *const all_name[] = { "all", NULL };
static const char *const none_name[] = { "none", NULL };
static const char *const nic_name[] = { "nic", NULL };
static const char *const kernel_name[] = { "kernel", NULL };
static const char *const root_name[] = { "root", NULL };

#define AT(member) offsetof(struct config, member)

/* clang-format off */

/* Both sides have the same keys. */
#define SIDE_ROWS(section, side)                                                          \
	{ section, "nic", CONFIG_INTERFACE, 0, 0, NULL, NULL,                             \
	  "The network interface that faces the " section "s. Both sides may have the "   \
	  "same one, told apart by VLAN.", AT(side.nic) },                                \
	{ section, "vlan", CONFIG_UNSIGNED, 1, 4094, "none", none_name,                   \
	  "The 802.1Q tag that this side's frames carry; none takes all IP frames of the "  \
	  "interface, untagged.", AT(side.vlan) },                                        \
	{ section, "address", CONFIG_PREFIX, AF_INET, 0, "none", none_name,               \
	  "The blade's IPv4 address on this side.", AT(side.address[FAMILY_IPV4]) },      \
	{ section, "gateway", CONFIG_ADDRESS, AF_INET, 0, "none", none_name,              \
	  "The IPv4 router through which the " section "s are reached.",                  \
	  AT(side.gateway[FAMILY_IPV4]) },                                                \
	{ section, "address6", CONFIG_PREFIX, AF_INET6, 0, "none", none_name,             \
	  "The blade's IPv6 address on this side.", AT(side.address[FAMILY_IPV6]) },      \
	{ section, "gateway6", CONFIG_ADDRESS, AF_INET6, 0, "none", none_name,            \
	  "The IPv6 router through which the " section "s are reached; may be "           \
	  "link-local.", AT(side.gateway[FAMILY_IPV6]) },                                 \
	{ section, "mtu", CONFIG_UNSIGNED, 68, 65535, "nic", nic_name,                    \
	  "The largest IP packet on this side, in bytes; nic is the interface's own "     \
	  "MTU.", AT(side.mtu) },                                                         \
	{ section, "congestion", CONFIG_STRING, CONFIG_WORD, 15, "kernel", kernel_name,   \
	  "The TCP congestion control of this side's connections, one that "              \
	  "net.ipv4.tcp_available_congestion_control lists; kernel is the system's "      \
	  "default.", AT(side.congestion) },                                              \
	{ section, "initcwnd", CONFIG_UNSIGNED, 1, 1024, "kernel", kernel_name,           \
	  "The initial congestion window of this side's connections, in segments; "       \
	  "kernel is its own default, 10.", AT(side.initcwnd) }

static const struct config_key config_rows[] = {
	{ "blade", "scenario", CONFIG_CHOICE, 0, 0, "auto", scenario_names,
	  "How the service ports get to HAProxy: NO-NF is no netfilter in the packets' path, "
	  "NF-NO-IPT a kernel that has netfilter but no rule, NF-IPT one TPROXY rule, "
	  "SK-LOOKUP a BPF program that needs no netfilter; auto is which of the first two "
	  "the running kernel is.",
	  AT(scenario) },
	{ "blade", "engine", CONFIG_CHOICE, 0, 0, "nft", engine_names,
	  "Who writes NF-IPT's rules: nftables, into a table of hapep's own, or iptables.",
	  AT(engine) },
	{ "blade", "no_nf", CONFIG_CHOICE, 0, 0, "effective", no_nf_names,
	  "What NO-NF takes: no netfilter hook in the namespace (effective), or a kernel "
	  "built without netfilter alone (strict).",
	  AT(no_nf) },
	{ "blade", "datapath", CONFIG_CHOICE, 0, 0, "auto", datapath_names,
	  "How frames get from the interface into the namespace: by tc's flower, vlan and "
	  "mirred, or by hapep's own BPF programs; auto is bpf where the kernel can.",
	  AT(datapath) },

	SIDE_ROWS("client", side[SIDE_CLIENT]),
	SIDE_ROWS("server", side[SIDE_SERVER]),

	{ "service", "ports", CONFIG_PORTS, 0, 0, "80", NULL,
	  "The TCP destination ports whose connections are proxied; everything else is "
	  "forwarded. At most 256 in all with NO-NF and NF-NO-IPT, where each instance "
	  "listens on each.", AT(ports) },
	{ "service", "proxy_port", CONFIG_UNSIGNED, 1, 65535, "1234", NULL,
	  "The one port that HAProxy listens on with NF-IPT and SK-LOOKUP.",
	  AT(proxy_port) },
	{ "service", "fail", CONFIG_CHOICE, 0, 0, "open", fail_names,
	  "What becomes of new connections while no instance serves: they are forwarded "
	  "past the proxy (open), or wait for it and are refused (closed).", AT(fail) },

	{ "haproxy", "binary", CONFIG_STRING, CONFIG_PATH, 255, "/usr/sbin/haproxy", NULL,
	  "The HAProxy to run, 2.4 or later.", AT(binary) },
	{ "haproxy", "user", CONFIG_STRING, CONFIG_USER, 31, "haproxy", root_name,
	  "The user that the instances run as, with no capabilities but those that "
	  "transparency needs.", AT(user) },
	{ "haproxy", "model", CONFIG_CHOICE, 0, 0, "processes", model_names,
	  "Many single-threaded instances, or one instance with many threads.", AT(model) },
	{ "haproxy", "processes", CONFIG_UNSIGNED, 1, HAPROXY_INSTANCES_MAX,
	  "auto", auto_name,
	  "How many instances (with model = threads: threads, at most 64), each pinned to a "
	  "CPU; auto is one for each CPU of cpus. More than CPUs share them in order.",
	  AT(processes) },
	{ "haproxy", "cpus", CONFIG_CPULIST, 0, CONFIG_CPULIST_SIZE - 1, "auto", auto_name,
	  "The CPUs that instances are pinned to, in this order; auto follows the placement: "
	  "with numa = bind where the queues are, with spread each node's in turn.",
	  AT(cpus) },
	{ "haproxy", "scheduling", CONFIG_CHOICE, 0, 0, "other", scheduling_names,
	  "The instances' scheduling policy, see sched(7). With batch, what arrives takes "
	  "the CPU from nobody: more transactions a second on full CPUs that are the "
	  "blade's alone, an answer milliseconds later where another program keeps a CPU "
	  "of an instance busy.", AT(scheduling) },
	{ "haproxy", "mode", CONFIG_CHOICE, 0, 0, "tcp", mode_names,
	  "Whether HAProxy relays bytes, or reads HTTP.", AT(mode) },
	{ "haproxy", "http_ports", CONFIG_PORTS, 0, 0, "all", all_name,
	  "With mode = http: the service ports whose connections are read as HTTP, the bytes "
	  "of the others being relayed as with mode = tcp.", AT(http_ports) },
	{ "haproxy", "splice", CONFIG_CHOICE, 0, 0, "auto", splice_names,
	  "Whether payload moves from socket to socket inside the kernel. auto: from the "
	  "server, where `hapep bench splice` found that it loses least at worst; from the "
	  "client, where HAProxy sees a stream.", AT(splice) },
	{ "haproxy", "source", CONFIG_CHOICE, 0, 0, "client", source_names,
	  "What the servers see: the client's address and port (client), or its address "
	  "with a port of the blade's choice (clientip).", AT(source) },
	{ "haproxy", "reuse", CONFIG_CHOICE, 0, 0, "no", reuse_names,
	  "With mode = http and source = clientip: whether connections to servers stay, idle "
	  "for seconds, for the next GET or HEAD from the same address to the same server, "
	  "of whichever connection; others go on connections of their own.", AT(reuse) },
	{ "haproxy", "accept", CONFIG_CHOICE, 0, 0, "auto", accept_names,
	  "Which instance accepts a connection: the one that the kernel's hash of the flow "
	  "picks, or the one pinned to the CPU that received it. auto: the latter where the "
	  "interface spreads flows over the instances' CPUs, one each, and both directions "
	  "of a flow to the same.", AT(accept) },
	{ "haproxy", "maxconn", CONFIG_UNSIGNED, 1, 1048576, "auto", auto_name,
	  "Connections that each instance holds at a time; auto is what the limit on file "
	  "descriptors carries.", AT(maxconn) },
	{ "haproxy", "backlog", CONFIG_UNSIGNED, 1, 65535, "8192", NULL,
	  "Connections that wait on each listening socket for an instance to accept them.",
	  AT(backlog) },

	{ "placement", "rss", CONFIG_CHOICE, 0, 0, "symmetric", rss_names,
	  "Whether the two directions of a flow come by one receive queue (symmetric), by "
	  "two that a random key picks (asymmetric), or the interface's queues, interrupts "
	  "and XPS are left as they are (off).", AT(rss) },
	{ "placement", "queues", CONFIG_UNSIGNED, 1, CONFIG_QUEUES_MAX, "auto", auto_name,
	  "How many receive queues each interface uses; auto is one for each CPU of "
	  "queue_cpus, at most what the interfaces have.", AT(queues) },
	{ "placement", "queue_cpus", CONFIG_CPULIST, 0, CONFIG_CPULIST_SIZE - 1, "auto",
	  auto_name,
	  "The CPUs that the queues' interrupts go to, in this order; auto is those of cpus, "
	  "else the hyper-threads of the interface's NUMA node, the first of each core "
	  "before the second ones.", AT(queue_cpus) },
	{ "placement", "numa", CONFIG_CHOICE, 0, 0, "bind", numa_names,
	  "Whether the instances and their memory stay on the interface's NUMA node (bind), "
	  "or take each node's cores in turn (spread).", AT(numa) },
	{ "placement", "smt", CONFIG_CHOICE, 0, 0, "yes", smt_names,
	  "Whether auto takes every hyper-thread of a core, or the first alone.", AT(smt) },

	{ "timeouts", "connect", CONFIG_DURATION, 100, 600000, "10s", NULL,
	  "How long a server may take to accept a connection.", AT(timeout_connect) },
	{ "timeouts", "idle", CONFIG_DURATION, 1000, 7 * DAY_MS, "1h", NULL,
	  "How long a connection may be silent.", AT(timeout_idle) },
	{ "timeouts", "fin", CONFIG_DURATION, 1000, DAY_MS, "5m", NULL,
	  "How long a half-closed connection may be silent.", AT(timeout_fin) },
};

/* clang-format on */

#define CONFIG_ROWS (sizeof(config_rows) / sizeof(config_rows[0]))

const struct config_table config_blade_table = { config_rows, CONFIG_ROWS };

void config_defaults(struct config *out)
{
	memset(out, 0, sizeof(*out));
	config_table_defaults(&config_blade_table, out);
}

void config_write(const struct config *c, bool describe, struct text *out)
{
	config_table_write(&config_blade_table, c, describe, out);
}

int config_parse(const char *name, const char *bytes, size_t length, struct config *out,
		 struct text *faults)
{
	struct config_report report = { .file = name, .out = faults };
	struct config_mark marks[CONFIG_ROWS];

	memset(out, 0, sizeof(*out));
	config_table_parse(&config_blade_table, &report, bytes, length, out, marks);
	config_check(out, marks, &report);
	return config_report_end(&report);
}

static int config_unreadable(const char *path, int code, struct text *faults)
{
	text_line(faults, "%s: cannot read the configuration: %s", path, strerror(code));
	return -code;
}

/* A FIFO or a terminal would make hapep wait, a device could be endless. */
static int config_open(const char *path, int *out, struct text *faults)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return config_unreadable(path, errno, faults);
	if (fstat(fd, &st) < 0)
		return config_unreadable(path, errno, faults);
	if (S_ISDIR(st.st_mode))
		return config_unreadable(path, EISDIR, faults);
	if (!S_ISREG(st.st_mode)) {
		text_line(faults, "%s: expected a configuration in a regular file", path);
		return -EINVAL;
	}
	if (st.st_size > CONFIG_FILE_MAX) {
		text_line(faults, "%s: expected at most %d bytes, got %lld", path,
			  CONFIG_FILE_MAX, (long long)st.st_size);
		return -EFBIG;
	}
	*out = take_fd(fd);
	return 0;
}

int config_read(const char *path, struct config *out, struct text *faults)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *bytes = NULL;
	size_t length = 0;
	ssize_t n;
	int r = config_open(path, &fd, faults);

	if (r < 0)
		return r;
	/* One byte more than may be: a file that grows meanwhile is found out. */
	bytes = memory_new(1, CONFIG_FILE_MAX + 1);
	while ((n = read(fd, bytes + length, CONFIG_FILE_MAX + 1 - length)) > 0)
		length += (size_t)n;
	if (n < 0)
		return config_unreadable(path, errno, faults);
	return config_parse(path, bytes, length, out, faults);
}
