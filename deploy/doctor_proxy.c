/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the checks of HAProxy: descriptors, pipes for splicing, its version's faults. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "deploy/doctor.h"
#include "helpers/cleanup.h"
#include "helpers/file.h"

#define DESCRIPTORS_GOOD 32768 /* connections an instance, as up takes them by itself */
#define PIPE_PAGES       16    /* of a new pipe (pipe(7)) */

static int fd_count_one(const char *name, void *arg)
{
	(void)name;
	++*(unsigned long *)arg;
	return 0;
}

/*
 * Descriptors open in a process: the size of its directory in /proc since 6.2, else (and
 * in a fixture) by counting, which takes about a second for a million.
 */
static unsigned long fd_count(const struct doctor *d, pid_t pid)
{
	_cleanup_close_ int dir = -1;
	unsigned long n = 0;
	struct statfs fs;
	struct stat st;
	char path[40];

	snprintf(path, sizeof(path), "proc/%d/fd", (int)pid);
	dir = openat(d->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && !fstatfs(dir, &fs) && fs.f_type == PROC_SUPER_MAGIC &&
	    !fstat(dir, &st) && st.st_size > 0)
		return (unsigned long)st.st_size;
	file_list(d->root, path, fd_count_one, &n);
	return n;
}

/* The soft limit of a process; 0: it is gone. */
static unsigned long fd_limit(const struct doctor *d, pid_t pid)
{
	char path[40], text[4096];
	const char *at;

	snprintf(path, sizeof(path), "proc/%d/limits", (int)pid);
	if (doctor_read(d, path, text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, "Max open files");
	return at ? strtoul(at + strlen("Max open files"), NULL, 10) : 0;
}

static void descriptors_instance(struct doctor *d, pid_t pid)
{
	unsigned long limit = fd_limit(d, pid), used = limit ? fd_count(d, pid) : 0;
	unsigned int need = haproxy_fds_of(&d->plan.haproxy);
	struct doctor_finding *f;

	if (!limit || (limit >= need && used < limit / 10 * 9))
		return;
	f = doctor_find(d, DOCTOR_WARNING);
	if (limit < need)
		text_add(&f->what,
			 "HAProxy %d may open fewer files than its connections take",
			 (int)pid);
	else
		text_add(&f->what, "HAProxy %d has nearly all its descriptors open",
			 (int)pid);
	text_add(&f->read,
		 "/proc/%d/limits: Max open files %lu; /proc/%d/fd: %lu; %u connections "
		 "take %u",
		 (int)pid, limit, (int)pid, used, d->plan.haproxy.maxconn, need);
	text_add(&f->why, "An instance without a descriptor accepts nobody until one is "
			  "closed.");
	text_add(&f->mend, "raise LimitNOFILE= of the unit (ulimit -Hn) and "
			   "haproxy.maxconn, or more haproxy.processes; then hapep down "
			   "and hapep up");
}

static void descriptors_hard(struct doctor *d)
{
	const struct haproxy_plan *h = &d->plan.haproxy;
	struct doctor_finding *f;
	struct rlimit limit;
	unsigned int hard;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max > 1048576)
		return;
	hard = (unsigned int)limit.rlim_max;
	if (h->maxconn >= DESCRIPTORS_GOOD || haproxy_maxconn_of(h, hard) > h->maxconn)
		return;
	f = doctor_find(d, DOCTOR_NOTE);
	text_add(&f->what, "the descriptor limit allows each instance %u connections",
		 h->maxconn);
	text_add(&f->read, "ulimit -Hn: %u; haproxy.maxconn %u takes %u", hard,
		 h->maxconn, haproxy_fds_of(h));
	text_add(&f->why, "With connections beyond that clients wait in the listening "
			  "queue.");
	text_add(&f->mend,
		 "ulimit -Hn %u (LimitNOFILE= of the unit), then hapep down and "
		 "hapep up; enough as it is where fewer come",
		 DESCRIPTORS_GOOD * 3 + 64);
}

int doctor_descriptors(struct doctor *d, struct error *err)
{
	unsigned long long used, unused, most;
	struct doctor_finding *f;
	char text[96];

	(void)err;
	for (unsigned int i = 0; i < d->n_pids; i++)
		descriptors_instance(d, d->pid[i]);
	descriptors_hard(d);
	if (doctor_read(d, "proc/sys/fs/file-nr", text, sizeof(text)) < 0 ||
	    sscanf(text, "%llu %llu %llu", &used, &unused, &most) != 3 ||
	    used < most / 10 * 9)
		return 0;
	f = doctor_find(d, DOCTOR_WARNING);
	text_add(&f->what, "the machine has nearly all its files open");
	text_add(&f->read, "/proc/sys/fs/file-nr: %llu of %llu", used, most);
	text_add(&f->why, "Beyond that no process can open anything or accept anybody.");
	text_add(&f->mend, "sysctl -w fs.file-max=%llu", 2 * most);
	return 0;
}

/*
 * Of a user without CAP_SYS_RESOURCE, pipes beyond this many pages in all are made with
 * two pages instead of sixteen (pipe(7); one before 5.14): they carry an eighth at a
 * time.
 */
int doctor_pipes(struct doctor *d, struct error *err)
{
	const struct haproxy_plan *h = &d->plan.haproxy;
	unsigned long want = (unsigned long)h->processes * ((h->maxconn + 1) / 2);
	struct doctor_finding *f;
	long long soft;
	bool full;
	int r = file_number(d->root, "proc/sys/fs/pipe-user-pages-soft", &soft);

	if (r < 0)
		return error_set(err, -r, "read /proc/sys/fs/pipe-user-pages-soft");
	if (h->model == HAPROXY_MODEL_THREADS)
		want = (h->maxconn + 1) / 2;
	if (h->splice == HAPROXY_SPLICE_OFF || !soft || !h->user[0] ||
	    !strcmp(h->user, "root") || want * PIPE_PAGES <= (unsigned long)soft)
		return 0;
	full = (unsigned long)d->pipes_used * PIPE_PAGES >= (unsigned long)soft / 10 * 8;
	f = doctor_find(d, full ? DOCTOR_WARNING : DOCTOR_NOTE);
	text_add(&f->what, "the pipes of user '%s' get small beyond %lld of them",
		 h->user, soft / PIPE_PAGES);
	text_add(&f->read,
		 "sysctl fs.pipe-user-pages-soft: %lld pages, %d a pipe; the instances "
		 "hold %u pipes now and may come to %lu",
		 soft, PIPE_PAGES, d->pipes_used, want);
	text_add(&f->why, "A pipe of two pages moves 8 KB at a time instead of 64, and "
			  "splicing then costs more than copying.");
	text_add(&f->mend, "sysctl -w fs.pipe-user-pages-soft=%lu", want * PIPE_PAGES);
	return 0;
}

/*
 * Faults that matter to a transparent proxy with splicing, by HAProxy's own issues
 * (github.com/haproxy/haproxy/issues/N); first to last: patch levels that have it.
 */
static const struct known_fault {
	int major, minor, first, last;
	bool http; /* in mode http only */
	enum doctor_severity severity;
	const char *issue, *what, *why;
} known_faults[] = {
	/* Labelled 2.4 and 2.6 as the branches that still wait for the repair. */
	{ 2, 4, 0, 999, false, DOCTOR_NOTE, "3192",
	  "takes a wrong destination where conntrack is active",
	  "hapep keeps connection tracking away from the service, and the check "
	  "'conntrack' says where somebody else brought it back." },
	{ 2, 6, 0, 999, false, DOCTOR_NOTE, "3192",
	  "takes a wrong destination where conntrack is active",
	  "hapep keeps connection tracking away from the service, and the check "
	  "'conntrack' says where somebody else brought it back." },
	{ 2, 4, 11, 11, true, DOCTOR_FAULT, "1510",
	  "fills the end of HTTP responses with zero bytes",
	  "Clients get damaged objects." },
	{ 2, 9, 0, 1, false, DOCTOR_FAULT, "2395",
	  "loops without end and leaves sockets open",
	  "An instance then takes a whole core and serves nobody." },
	{ 2, 9, 0, 6, true, DOCTOR_FAULT, "2505",
	  "loses the last bytes of spliced HTTP responses",
	  "Clients get truncated objects, about one in 50,000 where it was seen." },
	{ 2, 9, 2, 10, true, DOCTOR_WARNING, "2697",
	  "leaks connections where HTTP is forwarded without a copy",
	  "An instance then reaches its maxconn and accepts nobody." },
	{ 3, 0, 0, 4, true, DOCTOR_WARNING, "2697",
	  "leaks connections where HTTP is forwarded without a copy",
	  "An instance then reaches its maxconn and accepts nobody." },
};

int doctor_haproxy(struct doctor *d, struct error *err)
{
	const struct haproxy_version *v = &d->plan.version;
	struct doctor_finding *f;

	if (!v->major)
		return error_say(err, ENODATA, "'%s -vv' did not tell its version",
				 d->plan.haproxy.binary);
	for (size_t i = 0; i < sizeof(known_faults) / sizeof(known_faults[0]); i++) {
		const struct known_fault *k = &known_faults[i];

		if (k->major != v->major || k->minor != v->minor || v->patch < k->first ||
		    v->patch > k->last ||
		    (k->http && d->plan.haproxy.mode != HAPROXY_MODE_HTTP))
			continue;
		f = doctor_find(d, k->severity);
		text_add(&f->what, "HAProxy %s %s (its issue %s)", v->text, k->what,
			 k->issue);
		text_add(&f->read, "%s -vv: %s", d->plan.haproxy.binary, v->text);
		text_add(&f->why, "%s", k->why);
		if (k->severity == DOCTOR_NOTE)
			text_add(&f->mend, "nothing as long as 'conntrack' finds none");
		else
			text_add(&f->mend,
				 "install a later release of %d.%d, or a later branch; "
				 "then hapep down and hapep up",
				 v->major, v->minor);
	}
	return 0;
}
