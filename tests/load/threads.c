/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses CPU lists and starts threads on their CPUs. */
#include "tests/load/threads.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static bool number_read(const char **text, unsigned long *out)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	*out = strtoul(*text, &end, 10);
	*text = end;
	return *out < THREAD_CPUS_MAX;
}

static int cpu_add(struct thread_cpus *list, unsigned long cpu, struct complaint *why)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return complaint_set(why, errno, "read the CPUs allowed: %s",
				     strerror(errno));
	if (!CPU_ISSET(cpu, &allowed))
		return complaint_set(why, EINVAL,
				     "CPU %lu is not one that this process may run on",
				     cpu);
	for (size_t i = 0; i < list->count; i++)
		if (list->cpu[i] == (int)cpu)
			return complaint_set(why, EINVAL, "CPU %lu is listed twice", cpu);
	list->cpu[list->count++] = (int)cpu;
	return 0;
}

int thread_cpus_parse(const char *text, struct thread_cpus *out, struct complaint *why)
{
	struct thread_cpus made = { .count = 0 };
	const char *at = text;

	for (;;) {
		unsigned long first, last;

		if (!number_read(&at, &first))
			break;
		last = first;
		if (*at == '-' && (at++, !number_read(&at, &last)))
			break;
		if (last < first || (*at && *at != ','))
			break;
		for (unsigned long cpu = first; cpu <= last; cpu++) {
			int rc = cpu_add(&made, cpu, why);

			if (rc)
				return rc;
		}
		if (!*at) {
			*out = made;
			return 0;
		}
		at++;
	}
	return complaint_set(why, EINVAL, "expected a CPU list such as 0,2-3, got '%s'",
			     text);
}

int thread_cpus_start(const struct thread_cpus *list, size_t index, pthread_t *thread,
		      void *(*run)(void *), void *argument, struct complaint *why)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int rc;

	pthread_attr_init(&attr);
	if (list->count) {
		CPU_ZERO(&set);
		CPU_SET((size_t)list->cpu[index % list->count], &set);
		pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	}
	rc = pthread_create(thread, &attr, run, argument);
	pthread_attr_destroy(&attr);
	if (rc)
		return complaint_set(why, rc, "start thread %zu: %s", index,
				     strerror(rc));
	return 0;
}

int open_files_allow(uint64_t needed, struct complaint *why)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return complaint_set(why, errno, "read the open files limit: %s",
				     strerror(errno));
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return complaint_set(why, errno, "raise the open files limit to %llu: %s",
				     (unsigned long long)limit.rlim_max, strerror(errno));
	if (limit.rlim_max < needed)
		return complaint_set(why, EMFILE,
				     "%llu open files are needed and the hard limit is "
				     "%llu: lower --connections or raise 'ulimit -Hn'",
				     (unsigned long long)needed,
				     (unsigned long long)limit.rlim_max);
	return 0;
}
