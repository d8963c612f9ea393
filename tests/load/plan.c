/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resolves the options of a load and checks them against the machine. */
#include "tests/load/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/load/transaction.h"

/* Standard streams, an epoll and a spare or two for each thread. */
#define FILES_BESIDES 16

static uint64_t nanoseconds(double seconds)
{
	return seconds > 0 ? (uint64_t)(seconds * 1e9) : 0;
}

static int sources_read(const struct load_options *options, struct load_plan *plan,
			struct complaint *why)
{
	for (size_t i = 0; i < options->sources.count; i++) {
		struct complaint cause = { "" };
		int rc = source_set_add(&plan->sources, options->sources.item[i], &cause);

		if (rc)
			return complaint_set(why, -rc, "--source: %s", cause.msg);
	}
	return 0;
}

static int target_read(const struct load_options *options, const char *text,
		       struct load_plan *plan, struct complaint *why)
{
	struct load_target *target = &plan->target[plan->targets];
	struct complaint cause = { "" };
	int rc = endpoint_parse(text, &target->endpoint, &cause);

	if (rc)
		return complaint_set(why, -rc, "--target: %s", cause.msg);
	endpoint_print(&target->endpoint, target->name);
	target->sources =
		source_set_count(&plan->sources, target->endpoint.any.sa_family);
	rc = snprintf(target->request, sizeof(target->request),
		      "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
		      options->path, options->host ? options->host : target->name);
	target->request_len = (size_t)rc;
	plan->targets++;
	return 0;
}

/* So that each family's sources are used in turn, none left out. */
static void targets_number(struct load_plan *plan)
{
	for (size_t i = 0; i < plan->targets; i++)
		for (size_t j = 0; j < plan->targets; j++) {
			struct load_target *target = &plan->target[i];

			if (target->endpoint.any.sa_family !=
			    plan->target[j].endpoint.any.sa_family)
				continue;
			target->stride++;
			target->place += j < i;
		}
}

static int targets_read(const struct load_options *options, struct load_plan *plan,
			struct complaint *why)
{
	bool used[2] = { false, false };

	plan->target = calloc(options->targets.count, sizeof(*plan->target));
	if (!plan->target)
		abort();
	for (size_t i = 0; i < options->targets.count; i++) {
		int rc = target_read(options, options->targets.item[i], plan, why);

		if (rc)
			return rc;
		used[plan->target[i].endpoint.any.sa_family == AF_INET6] = true;
	}
	targets_number(plan);
	if (!used[0] && source_set_count(&plan->sources, AF_INET))
		return complaint_set(why, EINVAL,
				     "--source: no --target is IPv4, so that IPv4 "
				     "sources are of no use");
	if (!used[1] && source_set_count(&plan->sources, AF_INET6))
		return complaint_set(why, EINVAL,
				     "--source: no --target is IPv6, so that IPv6 "
				     "sources are of no use");
	return 0;
}

static int body_map(const char *file, int fd, struct load_plan *plan,
		    struct complaint *why)
{
	struct stat status;
	void *bytes;

	if (fstat(fd, &status))
		return complaint_set(why, errno, "--expect-file: read '%s': %s", file,
				     strerror(errno));
	if (!S_ISREG(status.st_mode) || !status.st_size)
		return complaint_set(why, EINVAL,
				     "--expect-file: '%s' is empty or no regular file",
				     file);
	if (plan->expectation.size != RESPONSE_ANY_SIZE &&
	    plan->expectation.size != (uint64_t)status.st_size)
		return complaint_set(why, EINVAL,
				     "--expect-file: '%s' has %lld bytes, --expect-size "
				     "says %llu",
				     file, (long long)status.st_size,
				     (unsigned long long)plan->expectation.size);
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE,
		     fd, 0);
	if (bytes == MAP_FAILED)
		return complaint_set(why, errno, "--expect-file: map '%s': %s", file,
				     strerror(errno));
	plan->mapped = (size_t)status.st_size;
	plan->expectation.size = (uint64_t)status.st_size;
	plan->expectation.bytes = bytes;
	return 0;
}

static int expectation_read(const struct load_options *options, struct load_plan *plan,
			    struct complaint *why)
{
	int fd, rc;

	plan->expectation.size = options->expect_size == ARGUMENT_NO_COUNT
					 ? RESPONSE_ANY_SIZE
					 : options->expect_size;
	if (!options->expect_file)
		return 0;
	fd = open(options->expect_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return complaint_set(why, errno, "--expect-file: open '%s': %s",
				     options->expect_file, strerror(errno));
	rc = body_map(options->expect_file, fd, plan, why);
	close(fd);
	return rc;
}

static int limits_read(const struct load_options *options, struct load_plan *plan,
		       struct complaint *why)
{
	struct complaint cause = { "" };
	int rc;

	if (options->cpus) {
		rc = thread_cpus_parse(options->cpus, &plan->cpus, &cause);
		if (rc)
			return complaint_set(why, -rc, "--cpus: %s", cause.msg);
	}
	return open_files_allow(
		options->connections + 2 * options->threads + FILES_BESIDES, why);
}

int load_plan_make(const struct load_options *options, struct load_plan *out,
		   struct complaint *why)
{
	int rc;

	*out = (struct load_plan){
		.connections = options->connections,
		.threads = options->threads,
		.count = options->count,
		.duration = nanoseconds(options->duration),
		.warmup = nanoseconds(options->warmup),
		.timeout = nanoseconds(options->timeout),
		.rate = options->rate > 0 ? options->rate : 0,
		.hold = options->hold >= 0,
		.hold_time = nanoseconds(options->hold),
		.who = options->who,
		.reset = !strcmp(options->close, "rst"),
		.freebind = options->freebind,
	};
	if (out->hold)
		out->count = out->connections;
	rc = sources_read(options, out, why);
	if (!rc)
		rc = targets_read(options, out, why);
	if (!rc)
		rc = expectation_read(options, out, why);
	if (!rc)
		rc = limits_read(options, out, why);
	return rc;
}

static int source_try(const struct load_plan *plan, int family, uint64_t index,
		      struct complaint *why)
{
	struct endpoint source;
	char name[ENDPOINT_TEXT];
	int fd, error;

	source_set_at(&plan->sources, family, index, &source);
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return complaint_set(why, errno, "open a TCP socket: %s",
				     strerror(errno));
	error = transaction_bind(fd, &source, plan->freebind) ? errno : 0;
	close(fd);
	if (!error)
		return 0;
	endpoint_print(&source, name);
	*strrchr(name, ':') = '\0';
	return complaint_set(why, error, "--source: bind %s: %s%s", name, strerror(error),
			     error == EADDRNOTAVAIL
				     ? ": put the address on an interface (where it is "
				       "local by a route only, IPv6 needs --freebind)"
				     : "");
}

int load_plan_try_sources(const struct load_plan *plan, struct complaint *why)
{
	uint64_t at[2] = { 0, 0 };

	for (size_t i = 0; i < plan->sources.ranges; i++) {
		const struct source_range *range = &plan->sources.range[i];
		uint64_t *first = &at[range->family == AF_INET6];
		int rc = source_try(plan, range->family, *first, why);

		if (!rc)
			rc = source_try(plan, range->family, *first + range->count - 1,
					why);
		if (rc)
			return rc;
		*first += range->count;
	}
	return 0;
}

void load_plan_free(struct load_plan *plan)
{
	if (plan->mapped)
		munmap((void *)(uintptr_t)plan->expectation.bytes, plan->mapped);
	source_set_free(&plan->sources);
	free(plan->target);
	*plan = (struct load_plan){ 0 };
}
