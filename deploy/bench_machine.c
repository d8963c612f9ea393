/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what is said of the machine that a benchmark ran on. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "deploy/bench.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/run.h"

/* The value of the first line "KEY ... : VALUE" of a file; the caller's. */
static char *line_value(const char *path, const char *key)
{
	_cleanup_fclose_ FILE *f = NULL;
	char line[4096];

	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) || !colon)
			continue;
		colon += 1 + strspn(colon + 1, " \t");
		colon[strcspn(colon, "\n")] = '\0';
		return memory_strdup(colon);
	}
	return memory_strdup("unknown");
}

static unsigned int nodes_count(void)
{
	DIR *d = opendir("/sys/devices/system/node");
	const struct dirent *e;
	unsigned int n = 0, number;

	while (d && (e = readdir(d)))
		n += sscanf(e->d_name, "node%u", &number) == 1;
	if (d)
		closedir(d);
	return n ? n : 1;
}

/* Debian's versions of what takes part; nothing where there is no dpkg. */
static json_t *packages_json(void)
{
	static const char *const argv[] = {
		"dpkg-query", "-W",       "-f",          "${Package}\t${Version}\n",
		"haproxy",    "nginx",    "nginx-light", "squid",
		"iproute2",   "iptables", "nftables",    "libbpf1:amd64",
		NULL
	};
	_cleanup_text_ struct text out = { 0 };
	struct run_limits limits = { NULL, -1, 30 };
	struct error ignored = { 0 };
	json_t *tree = json_object();

	/* It fails where one of them is not installed, and still tells of the others. */
	(void)run_program_within(argv, &limits, &out, &ignored);
	for (char *line = out.text; line && *line;) {
		char *end = strchr(line, '\n'), *tab = strchr(line, '\t');

		if (!end)
			break;
		*end = '\0';
		if (tab && tab[1]) {
			*tab = '\0';
			json_object_set_new(tree, line, json_string(tab + 1));
		}
		line = end + 1;
	}
	return tree;
}

json_t *bench_machine(const struct bench *b)
{
	_cleanup_free_ char *model = line_value("/proc/cpuinfo", "model name");
	_cleanup_free_ char *flags = line_value("/proc/cpuinfo", "flags");
	_cleanup_free_ char *memory = line_value("/proc/meminfo", "MemTotal");
	struct utsname name;

	uname(&name);
	return json_pack("{s:s,s:i,s:i,s:s,s:b,s:s,s:s,s:s,s:o}", "processor", model,
			 "cpus", (int)b->cpus, "numa_nodes", (int)nodes_count(), "memory",
			 memory, "virtual", strstr(flags, " hypervisor") != NULL,
			 "kernel", name.release, "architecture", name.machine, "hapep",
			 HAPEP_VERSION, "packages", packages_json());
}
