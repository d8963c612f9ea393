/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns how a HAProxy process comes to be: its descriptors, its place, its rights. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "haproxy/instance.h"
#include "haproxy/listener.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

#define MEMORY_NODES 1024 /* as many as the kernel can be built for */

/* CONFIG, STATS, PROBE and the first socket follow the standard streams without a gap. */
_Static_assert(HAPROXY_FD_CONFIG == 3 && HAPROXY_FD_STATS == 4 && HAPROXY_FD_PROBE == 5 &&
		       HAPROXY_FD_LISTEN == 6,
	       "launch_descriptors() lays them out in this order");

/* The rendered configuration as a sealed file in memory: no name, nothing to clean up. */
static int launch_config(const struct launch *x, struct error *err)
{
	_cleanup_close_ int fd =
		memfd_create("haproxy.cfg", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	_cleanup_text_ struct text t = { 0 };
	ssize_t n;

	if (fd < 0)
		return error_set(err, errno, "create the configuration in memory");
	haproxy_render(x->plan, x->version, x->k, &t);
	for (size_t done = 0; done < t.length; done += (size_t)n) {
		n = write(fd, t.text + done, t.length - done);
		if (n < 0)
			return error_set(err, errno, "write the configuration in memory");
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return error_set(err, errno, "seal the configuration in memory");
	return take_fd(fd);
}

static int launch_signals(struct error *err)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return error_set(err, errno, "unblock signals");
	return 0;
}

/* The instance's CPU; with threads all of theirs, HAProxy's cpu-map parts them. */
static int launch_affinity(const struct launch *x, struct error *err)
{
	const struct haproxy_plan *p = x->plan;
	bool threads = p->model == HAPROXY_MODEL_THREADS;
	unsigned int first = threads ? 0 : x->k;
	unsigned int last = threads ? p->processes - 1 : x->k;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned int i = first; i <= last; i++) {
		if (p->cpu[i] >= CPU_SETSIZE)
			return error_say(err, EINVAL, "CPU %u: the highest is %d",
					 p->cpu[i], CPU_SETSIZE - 1);
		CPU_SET(p->cpu[i], &set);
	}
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return error_set(err, errno, "pin the instance to CPU %u (%u of them)",
				 p->cpu[first], last - first + 1);
	return 0;
}

/*
 * Survives the exec, and needs no privilege. Whoever runs on the CPU ends its slice
 * first, so that more connections are due once the instance runs: 4 us of 190 a
 * transaction on two full CPUs, and 3 ms more to the first byte beside somebody else's
 * busy process there.
 */
static int launch_scheduling(const struct launch *x, struct error *err)
{
	const struct sched_param none = { 0 };

	if (x->plan->batch && sched_setscheduler(0, SCHED_BATCH, &none) < 0)
		return error_set(err, errno,
				 "schedule the instance by SCHED_BATCH "
				 "(haproxy.scheduling = other does without)");
	return 0;
}

/*
 * Survives the exec. ENOSYS: a kernel without NUMA has one node, and nothing to bind to.
 */
static int launch_memory(const struct launch *x, struct error *err)
{
	unsigned long nodes[MEMORY_NODES / (8 * sizeof(unsigned long))] = { 0 };
	unsigned int node = x->plan->memory_node;
	const unsigned int word = 8 * sizeof(nodes[0]);

	if (!x->plan->bound || node >= MEMORY_NODES)
		return 0;
	nodes[node / word] |= 1UL << (node % word);
	if (syscall(SYS_set_mempolicy, MPOL_BIND, nodes, MEMORY_NODES + 1UL) < 0 &&
	    errno != ENOSYS)
		return error_set(err, errno,
				 "bind the instance's memory to NUMA node %u "
				 "(placement.numa = spread does without)",
				 node);
	return 0;
}

static int launch_limits(const struct launch *x, struct error *err)
{
	const struct rlimit files = { x->plan->fd_limit, x->plan->fd_limit };
	const struct rlimit core = { 0, 0 };

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return error_set(err, errno,
				 "give the instance %u descriptors (raise the hard "
				 "limit: ulimit -Hn, LimitNOFILE= of the unit)",
				 x->plan->fd_limit);
	if (setrlimit(RLIMIT_CORE, &core) < 0)
		return error_set(err, errno, "forbid core dumps");
	return 0;
}

/*
 * Lays out null, out, out, config, stats, probe, sockets from 0 on and the report after
 * them (close on exec); everything else is closed. All are first moved out of the way.
 */
static int launch_descriptors(const struct launch *x, int *report, struct error *err)
{
	unsigned int n = HAPROXY_FD_LISTEN + x->n_sockets;
	_cleanup_free_ int *from = memory_new(n + 1, sizeof(*from));
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return error_set(err, errno, "open /dev/null");
	from[0] = null;
	from[1] = from[2] = x->out_fd;
	from[HAPROXY_FD_CONFIG] = x->config_fd;
	from[HAPROXY_FD_STATS] = x->stats_fd;
	from[HAPROXY_FD_PROBE] = x->probe_fd;
	for (unsigned int i = 0; i < x->n_sockets; i++)
		from[HAPROXY_FD_LISTEN + i] = x->sockets[i];
	from[n] = *report;
	for (unsigned int i = 0; i <= n; i++) {
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, (int)n + 1);
		if (from[i] < 0)
			return error_set(err, errno, "move descriptor %u of %u", i, n);
	}
	for (unsigned int i = 0; i <= n; i++) {
		if (dup3(from[i], (int)i, i == n ? O_CLOEXEC : 0) < 0)
			return error_set(err, errno, "place descriptor %u of %u", i, n);
	}
	*report = (int)n;
	if (close_range(n + 1, ~0U, 0) < 0)
		return error_set(err, errno, "close the supervisor's descriptors");
	return 0;
}

static int launch_become(const struct launch *x, int *report, struct error *err)
{
	int r = launch_signals(err);

	if (!r && setsid() < 0)
		r = error_set(err, errno, "start a session");
	if (!r && x->nsfd >= 0 && setns(x->nsfd, CLONE_NEWNET) < 0)
		r = error_set(err, errno, "enter the network namespace");
	if (!r)
		r = privilege_isolate(&x->privilege, err);
	if (!r && x->pin)
		r = launch_affinity(x, err);
	if (!r && x->pin)
		r = launch_scheduling(x, err);
	if (!r && x->pin)
		r = launch_memory(x, err);
	if (!r)
		r = launch_limits(x, err);
	if (!r)
		r = launch_descriptors(x, report, err);
	if (!r && chdir("/") < 0)
		r = error_set(err, errno, "enter /");
	if (!r)
		r = privilege_drop(&x->privilege, x->parent, err);
	return r;
}

/* In the child. What fails is written to report, which a successful exec closes. */
static void launch_exec(const struct launch *x, int report)
{
	/* HAProxy reads /proc/self/fd/3 anew, so a memfd's offset does not matter. */
	char name[] = "haproxy", foreground[] = "-db", file[] = "-f", check[] = "-c";
	char config[] = LAUNCH_CONFIG_PATH;
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const argv[] = { name, foreground, file, config, x->check ? check : NULL,
			       NULL };
	char *const env[] = { path, NULL };
	struct error err = { 0 };

	umask(077);
	if (!launch_become(x, &report, &err)) {
		execve(x->plan->binary, argv, env);
		error_set(&err, errno, "run %s", x->plan->binary);
	}
	if (write(report, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

static int launch_reported(int fd, pid_t pid, struct error *err)
{
	struct error told = { 0 };
	size_t used = 0;
	ssize_t n;

	while (used < sizeof(told)) {
		n = read(fd, (char *)&told + used, sizeof(told) - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	if (!used)
		return 0;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (used < sizeof(told))
		return error_say(err, EIO, "the process died before it became HAProxy");
	told.msg[sizeof(told.msg) - 1] = '\0';
	return error_say(err, told.code, "%s", told.msg);
}

int launch(struct launch *x, pid_t *pid, struct error *err)
{
	_cleanup_close_ int config = launch_config(x, err);
	_cleanup_close_ int reader = -1, writer = -1;
	int fd[2], r;

	if (config < 0)
		return config;
	r = privilege_user(x->plan->user, &x->privilege, err);
	if (r < 0)
		return r;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return error_set(err, errno, "open a pipe");
	reader = fd[0];
	writer = fd[1];
	x->privilege.empty_root = !*x->plan->chroot;
	x->config_fd = config;
	x->parent = getpid();
	*pid = fork();
	if (*pid < 0)
		return error_set(err, errno, "fork");
	if (!*pid)
		launch_exec(x, writer);
	close(take_fd(writer));
	return launch_reported(reader, *pid, err);
}

int haproxy_instance_start(const struct haproxy_plan *p, const struct haproxy_version *v,
			   unsigned int k, const struct haproxy_listeners *l, int nsfd,
			   int stats_fd, int probe_fd, int log_fd, pid_t *pid,
			   struct error *err)
{
	struct launch x = { .plan = p,
			    .version = v,
			    .k = k,
			    .nsfd = nsfd,
			    .pin = true,
			    .stats_fd = stats_fd,
			    .probe_fd = probe_fd,
			    .out_fd = log_fd };
	pid_t child;
	int r;

	x.sockets = listeners_of(l, k, &x.n_sockets);
	r = launch(&x, &child, err);
	if (!r)
		*pid = child;
	return r;
}
