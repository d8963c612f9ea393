/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HAProxy: its version, its configuration, its listening sockets, its instances. */
#ifndef HAPROXY_HAPROXY_H
#define HAPROXY_HAPROXY_H

#include <net/if.h>
#include <stdbool.h>
#include <sys/types.h>

#include "helpers/error.h"
#include "helpers/ports.h"
#include "helpers/text.h"

#define HAPROXY_INSTANCES_MAX 256
#define HAPROXY_CPUS_MAX      1024

enum haproxy_mode { HAPROXY_MODE_TCP, HAPROXY_MODE_HTTP };
enum haproxy_splice { HAPROXY_SPLICE_AUTO, HAPROXY_SPLICE_ON, HAPROXY_SPLICE_OFF };
enum haproxy_source { HAPROXY_SOURCE_CLIENT, HAPROXY_SOURCE_CLIENTIP };
enum haproxy_model { HAPROXY_MODEL_PROCESSES, HAPROXY_MODEL_THREADS };
enum haproxy_accept { HAPROXY_ACCEPT_HASH, HAPROXY_ACCEPT_CPU };

/* From `haproxy -vv`; 2.4 to 3.x are told apart. */
struct haproxy_version {
	int major, minor, patch;
	char text[64];                          /* as printed: "2.6.12-1+deb12u3" */
	bool transparent, splice, threads, tls; /* built in */
	unsigned int max_threads, max_groups;   /* MAX_THREADS, MAX_TGROUPS; 1 without */
};

/* Everything that rendering and running need. */
struct haproxy_plan {
	char binary[256];
	char user[32];    /* "" : the instances stay root */
	char chroot[128]; /* an empty directory; "": one that only the instance sees */
	enum haproxy_mode mode;
	enum haproxy_splice splice;
	enum haproxy_source source;
	enum haproxy_model model;
	enum haproxy_accept accept;
	unsigned int processes; /* instances, or threads of the one instance */
	unsigned int cpu[HAPROXY_INSTANCES_MAX]; /* of each instance or thread */
	/* With accept = cpu: which instance or thread accepts what a CPU receives; a CPU
	 * past the end of the list is taken by number CPU % processes. */
	unsigned int takers;
	unsigned short taker[HAPROXY_CPUS_MAX];
	struct ports http_ports; /* with mode HTTP: those read as such; n = 0: each */
	bool reuse; /* idle connections to servers, by client address; HTTP, clientip */
	bool batch; /* SCHED_BATCH: a wake-up preempts nobody */
	bool bound; /* the instances' memory is that of memory_node alone */
	unsigned int memory_node;
	struct ports ports;              /* what the listeners bind */
	bool ipv4, ipv6;                 /* families served */
	char server_side[IFNAMSIZ];      /* device of the onward connections */
	unsigned int maxconn;            /* of each instance (threads: in all) */
	unsigned int backlog;            /* of each listening socket */
	unsigned int timeout_connect_ms; /* until a silent server is given up */
	unsigned int timeout_idle_ms;    /* no byte in either direction */
	unsigned int timeout_fin_ms;     /* the same, once one end has closed */
	unsigned int fd_limit;           /* RLIMIT_NOFILE of each instance */
};

/* Runs `binary -vv`. -ENOENT and others say which package has it. */
int haproxy_version_read(const char *binary, struct haproxy_version *out,
			 struct error *err);
/* The text parser behind it, for fixtures. */
int haproxy_version_parse(const char *vv, struct haproxy_version *out, struct error *err);

/*
 * What splice = auto does with what comes from the server: on or off. The rule: of the
 * two, the one that costs less CPU a byte more than the other at its worst size of object
 * (`hapep bench splice` measures both, and says whether this still holds).
 */
enum haproxy_splice haproxy_splice_auto(enum haproxy_mode mode);

/* How many HAProxy processes the plan runs: processes, or 1 with the model threads. */
unsigned int haproxy_instances(const struct haproxy_plan *p);

/*
 * Descriptors: what an instance of the plan needs for its maxconn connections, and the
 * highest maxconn that fd_limit carries (0: not even the sockets it starts with).
 */
unsigned int haproxy_fds_of(const struct haproxy_plan *p);
unsigned int haproxy_maxconn_of(const struct haproxy_plan *p, unsigned int fd_limit);

/*
 * Whether this HAProxy can run the plan: transparency, splicing where it is asked for,
 * threads, their number, descriptors. err says what to change.
 */
int haproxy_plan_check(const struct haproxy_plan *p, const struct haproxy_version *v,
		       struct error *err);

/*
 * The descriptors as an instance finds them: its configuration, its stats socket, its
 * probe's, and its listening sockets (ports in order; threads: for each thread, ports in
 * order).
 */
#define HAPROXY_FD_CONFIG 3
#define HAPROXY_FD_STATS  4
#define HAPROXY_FD_PROBE  5
#define HAPROXY_FD_LISTEN 6

/* Renders the configuration of instance k (0-based). */
void haproxy_render(const struct haproxy_plan *p, const struct haproxy_version *v,
		    unsigned int k, struct text *out);

/*
 * The listening sockets of all instances, in the namespace nsfd (-1: here; where
 * listen is false they are left unbound, for a configuration check before anything is
 * changed). For each port one SO_REUSEPORT group whose order is the instances', with
 * the classic BPF program that picks the current CPU's instance where accept is cpu. The
 * plan is borrowed for as long as they are open.
 */
struct haproxy_listeners;
int haproxy_listeners_open(const struct haproxy_plan *p, int nsfd, bool listen,
			   struct haproxy_listeners **out, struct error *err);
void haproxy_listeners_close(struct haproxy_listeners *l);

/*
 * The listening sockets of a plan that takes another's place. Those of the former that
 * have the same port and number are the same sockets; what is new listens at once, but
 * nothing is led to it before haproxy_listeners_select. The former may be closed first.
 */
int haproxy_listeners_succeed(const struct haproxy_plan *p, int nsfd,
			      const struct haproxy_listeners *former,
			      struct haproxy_listeners **out, struct error *err);

/*
 * Leads new connections to these of the sockets in their groups that listen, and to no
 * others: by the kernel's hash where there are no others, at random where there are, by
 * the CPU where accept is cpu. To be called after every change of who listens.
 */
int haproxy_listeners_select(const struct haproxy_listeners *l, struct error *err);

/*
 * The listening sockets of the first port that are in its group, and for each CPU of
 * plan->taker which of them accepts; an absent one's share is spread over the others.
 * fd has room for plan->processes, taker for plan->takers. Returns how many sockets.
 */
unsigned int haproxy_listeners_group(const struct haproxy_listeners *l, int *fd,
				     unsigned short *taker);

/*
 * Takes instance k's sockets out of their groups: those that wait in their queues move to
 * the others (net.ipv4.tcp_migrate_req, 5.14). join brings them back. shared: others have
 * some of them too, which would leave with it.
 */
int haproxy_listeners_leave(struct haproxy_listeners *l, unsigned int k,
			    struct error *err);
int haproxy_listeners_join(struct haproxy_listeners *l, unsigned int k,
			   struct error *err);
bool haproxy_listeners_joined(const struct haproxy_listeners *l, unsigned int k);
bool haproxy_listeners_shared(const struct haproxy_listeners *l, unsigned int k);

/*
 * Whether there are sockets that listen and that no others share, and how many
 * connections wait to be accepted on those; end has them listen no more.
 */
bool haproxy_listeners_alone(const struct haproxy_listeners *l, unsigned int *queued);
int haproxy_listeners_end(struct haproxy_listeners *l, struct error *err);

/* Connections waiting in the accept queues of instance k (TCP_INFO of its sockets). */
unsigned int haproxy_listeners_queued(const struct haproxy_listeners *l, unsigned int k);

/*
 * The handshakes under way in the namespace nsfd: clients whose SYN a listening socket
 * has answered, and who have not answered back; such a socket has to stay for them. left
 * keeps in `then` those that are in `now` too, and returns how many. *out is the
 * caller's.
 */
struct haproxy_requests;
int haproxy_requests_read(int nsfd, struct haproxy_requests **out, struct error *err);
void haproxy_requests_free(struct haproxy_requests *r);
size_t haproxy_requests_left(struct haproxy_requests *then, struct haproxy_requests *now);

/*
 * Starts instance k: in the namespace nsfd (-1: here), pinned to its CPU, stripped to
 * the capabilities that transparency needs, its stderr on log_fd, dying with its
 * parent. stats_fd, probe_fd: its listening sockets for those (unix), borrowed. *pid is
 * the caller's to reap.
 */
int haproxy_instance_start(const struct haproxy_plan *p, const struct haproxy_version *v,
			   unsigned int k, const struct haproxy_listeners *l, int nsfd,
			   int stats_fd, int probe_fd, int log_fd, pid_t *pid,
			   struct error *err);

/*
 * `haproxy -c` of instance k's configuration, with the rights and descriptors that the
 * instance would have. err: HAProxy's own words. Start and finish let several run at the
 * same time; finish frees the check whatever it returns.
 */
struct haproxy_check;
int haproxy_check_start(const struct haproxy_plan *p, const struct haproxy_version *v,
			unsigned int k, const struct haproxy_listeners *l,
			struct haproxy_check **out, struct error *err);
int haproxy_check_finish(struct haproxy_check *c, struct error *err);
int haproxy_instance_check(const struct haproxy_plan *p, const struct haproxy_version *v,
			   unsigned int k, const struct haproxy_listeners *l,
			   struct error *err);
/* All instances, as many at a time as there are CPUs. The first refusal is err's. */
int haproxy_check_all(const struct haproxy_plan *p, const struct haproxy_version *v,
		      const struct haproxy_listeners *l, struct error *err);

/* A listening unix socket at dirfd/name (0600) for an instance's stats. */
int haproxy_stats_listen(int dirfd, const char *name, struct error *err);

/* What `show info` and `show stat` tell. Connections to the stats socket do not count. */
struct haproxy_stats {
	pid_t pid;
	unsigned int uptime_s, current_connections;
	unsigned int max_connections; /* the limit, not the most seen */
	unsigned int pipes_used;
	unsigned long long total_connections;
	unsigned long long bytes_in, bytes_out; /* from and to clients */
	bool reuses;                            /* connections to servers: then */
	unsigned long long reused;              /* requests that went on a kept one */
};

/*
 * Asks an instance through its stats socket at path. timeout_ms bounds the whole
 * exchange; -ETIMEDOUT: it does not answer. An answer means that it accepts.
 */
int haproxy_stats_read(const char *path, unsigned int timeout_ms,
		       struct haproxy_stats *out, struct error *err);
/* The text parser behind it. -EPROTO: not HAProxy's answer. */
int haproxy_stats_parse(const char *text, struct haproxy_stats *out, struct error *err);

/*
 * What an instance is asked: whether it lives (its stats socket answers), or whether it
 * proxies: a word goes in by its probe's socket, through a session, a connection to the
 * responder and back, by the same loop, descriptors and limits as any client's. Unix
 * sockets on both sides, so that neither routes nor rules nor anybody's server matter.
 */
enum haproxy_probe { HAPROXY_PROBE_LIFE, HAPROXY_PROBE_PROXY };

/* The listening socket of the latter, at dirfd/name (0600). */
int haproxy_probe_listen(int dirfd, const char *name, struct error *err);
/*
 * Without waiting: ask returns a descriptor, the caller's (-EAGAIN: the queue is full),
 * hear 0 once the answer begins to come, -EAGAIN until then, another where none will.
 */
int haproxy_probe_ask(const char *path, enum haproxy_probe about);
int haproxy_probe_hear(int fd, enum haproxy_probe about);

/*
 * The far end of the instances' probes, in the namespace nsfd (-1: here); there can be
 * one in each. answer serves those that wait, without waiting itself; *out is the
 * caller's. close: NULL is nothing.
 */
struct haproxy_responder;
int haproxy_responder_open(int nsfd, struct haproxy_responder **out, struct error *err);
void haproxy_responder_answer(struct haproxy_responder *r);
void haproxy_responder_close(struct haproxy_responder *r);

/* Connections accepted on a core, and those of them that it received as well. */
struct haproxy_accepts {
	unsigned long long accepted, local;
};

/*
 * Counts, from now on and as long as it is open, the connections accepted in the
 * namespace nsfd, by a BPF program on the kernel's accept (fexit: CONFIG_BPF_EVENTS,
 * BTF, 5.17). The proxy and its sockets are left alone. *out is the caller's.
 * -EOPNOTSUPP: this kernel cannot.
 */
struct haproxy_locality;
int haproxy_locality_open(int nsfd, struct haproxy_locality **out, struct error *err);
void haproxy_locality_close(struct haproxy_locality *l);
/* Of the CPUs 0 .. n - 1. */
int haproxy_locality_read(const struct haproxy_locality *l, struct haproxy_accepts *out,
			  unsigned int n, struct error *err);

#endif
