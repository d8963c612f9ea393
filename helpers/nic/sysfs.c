/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading sysfs, and where in it a NIC's NUMA node is. */
#include "helpers/nic/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/nic/topology.h"

#define DEVICE_DEPTH 6 /* how far above a NIC's device the one on the bus may be */

char *sysfs_read(int root, const char *path)
{
	_cleanup_close_ int sys = root < 0 ? open("/sys", O_PATH | O_CLOEXEC) : -1;
	_cleanup_close_ int fd =
		openat(root < 0 ? sys : root, path, O_RDONLY | O_CLOEXEC);
	char line[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	if (n < 0)
		return NULL;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return memory_strdup(line);
}

int topology_nic_node_at(int sysfs, const char *nic)
{
	char path[64 + 3 * DEVICE_DEPTH];
	int length = snprintf(path, sizeof(path), "class/net/%.16s/device", nic);

	for (int up = 0; up < DEVICE_DEPTH && length > 0; up++) {
		char file[sizeof(path) + 16];
		_cleanup_free_ char *text = NULL;

		snprintf(file, sizeof(file), "%s/numa_node", path);
		text = sysfs_read(sysfs, file);
		if (text)
			return atoi(text) < 0 ? TOPOLOGY_NODE_NONE : atoi(text);
		if (errno != ENOENT)
			return TOPOLOGY_NODE_NONE;
		length += snprintf(path + length, sizeof(path) - (size_t)length, "/..");
	}
	return TOPOLOGY_NODE_NONE;
}

int topology_nic_node(const char *nic)
{
	return topology_nic_node_at(-1, nic);
}
