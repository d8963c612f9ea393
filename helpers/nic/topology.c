/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns turning what hwloc knows of a machine into a table of its CPUs. */
#include <errno.h>
#include <hwloc.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/file.h"
#include "helpers/memory.h"
#include "helpers/nic/topology.h"
#include "helpers/setting.h"

#define SYNTHETIC    "synthetic:"
#define DEVICE_DEPTH 4 /* how far above a NIC's device the one on the bus may be */

static void hwloc_cleanup(hwloc_topology_t *h)
{
	if (*h)
		hwloc_topology_destroy(*h);
}
#define _cleanup_hwloc_ __attribute__((cleanup(hwloc_cleanup)))

static int hwloc_source(hwloc_topology_t h, const char *source, struct error *err)
{
	size_t prefix = strlen(SYNTHETIC);

	if (!strncmp(source, SYNTHETIC, prefix)) {
		if (hwloc_topology_set_synthetic(h, source + prefix) < 0)
			return error_say(err, EINVAL,
					 "'%s' is no synthetic description that hwloc "
					 "reads, as in 'synthetic:pack:2 [numa] core:14 "
					 "pu:2'",
					 source + prefix);
		return 0;
	}
	if (access(source, R_OK) < 0)
		return error_set(err, errno, "read the topology '%s'", source);
	/* What is no XML is found out by hwloc_topology_load. */
	if (hwloc_topology_set_xml(h, source) < 0)
		return error_set(err, errno, "read the topology '%s'", source);
	return 0;
}

/* io: with network devices, which take long to find and are in XML alone of interest. */
static int hwloc_open(const char *source, bool io, hwloc_topology_t *out,
		      struct error *err)
{
	hwloc_topology_t h = NULL;
	int r = 0;

	if (hwloc_topology_init(&h) < 0)
		return error_say(err, EIO, "hwloc does not start");
	if (source)
		r = hwloc_source(h, source, err);
	if (!r && io)
		hwloc_topology_set_io_types_filter(h, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
	if (!r &&
	    (hwloc_topology_set_flags(h, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) < 0 ||
	     hwloc_topology_load(h) < 0))
		r = error_say(err, EINVAL, "hwloc cannot read the topology of %s%s",
			      source ? source : "this machine",
			      source ? ": `lstopo FILE.xml` writes what it reads" : "");
	/* hwloc takes HWLOC_XMLFILE and its like from the environment. */
	if (!r && !source && !hwloc_topology_is_thissystem(h))
		r = error_say(err, EINVAL,
			      "hwloc describes another machine than this one: unset "
			      "HWLOC_XMLFILE, HWLOC_SYNTHETIC and HWLOC_FSROOT");
	if (r < 0)
		hwloc_topology_destroy(h);
	else
		*out = h;
	return r;
}

static int cache_index(hwloc_topology_t h, hwloc_obj_t pu, hwloc_obj_type_t type)
{
	hwloc_obj_t cache = hwloc_get_ancestor_obj_by_type(h, type, pu);

	return cache ? (int)cache->logical_index : -1;
}

/* Virtual machines may have CPUs of which no core is known: each is one. */
static void cpu_fill(hwloc_topology_t h, hwloc_obj_t pu, struct topology_cpu *out)
{
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(h, HWLOC_OBJ_CORE, pu);
	hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(h, HWLOC_OBJ_PACKAGE, pu);
	int node = hwloc_bitmap_first(pu->nodeset);
	int cpu;

	*out = (struct topology_cpu){
		.cpu = pu->os_index,
		.core = core ? core->logical_index : pu->logical_index,
		.package = package && package->os_index != HWLOC_UNKNOWN_INDEX
				   ? package->os_index
				   : 0,
		.node = node < 0 ? 0 : (unsigned int)node,
		.l2 = cache_index(h, pu, HWLOC_OBJ_L2CACHE),
		.l3 = cache_index(h, pu, HWLOC_OBJ_L3CACHE),
		.permitted = hwloc_bitmap_isset(hwloc_topology_get_allowed_cpuset(h),
						pu->os_index) != 0,
	};
	out->allowed = out->permitted;
	hwloc_bitmap_foreach_begin(cpu, core ? core->cpuset : pu->cpuset)
	{
		out->thread += (unsigned int)cpu < pu->os_index;
	}
	hwloc_bitmap_foreach_end();
}

static int cpu_compare(const void *a, const void *b)
{
	const struct topology_cpu *x = a, *y = b;

	return x->cpu < y->cpu ? -1 : x->cpu > y->cpu;
}

static unsigned int count_distinct(const struct topology *t, size_t offset)
{
	bool seen[CPULIST_MAX] = { false };
	unsigned int n = 0;

	for (unsigned int i = 0; i < t->n; i++) {
		unsigned int v;

		memcpy(&v, (const char *)&t->cpu[i] + offset, sizeof(v));
		if (v < CPULIST_MAX && !seen[v])
			n++;
		seen[v < CPULIST_MAX ? v : 0] = true;
	}
	return n;
}

static int cpus_fill(hwloc_topology_t h, struct topology *t, struct error *err)
{
	hwloc_obj_t pu = NULL;

	while ((pu = hwloc_get_next_obj_by_type(h, HWLOC_OBJ_PU, pu))) {
		if (pu->os_index >= CPULIST_MAX)
			return error_say(err, ERANGE, "CPU %u: hapep knows CPUs up to %d",
					 pu->os_index, CPULIST_MAX - 1);
		cpu_fill(h, pu, &t->cpu[t->n++]);
	}
	qsort(t->cpu, t->n, sizeof(t->cpu[0]), cpu_compare);
	t->nodes = count_distinct(t, offsetof(struct topology_cpu, node));
	t->packages = count_distinct(t, offsetof(struct topology_cpu, package));
	t->cores = count_distinct(t, offsetof(struct topology_cpu, core));
	return 0;
}

static struct topology_cpu *cpu_at(struct topology *t, unsigned int cpu)
{
	struct topology_cpu key = { .cpu = cpu };

	return bsearch(&key, t->cpu, t->n, sizeof(key), cpu_compare);
}

/* The CPUs of a list in sysfs or XML; what is no list ("", "(null)") is none. */
static size_t list_read(const char *list, unsigned int *cpu)
{
	struct error ignored = { 0 };
	size_t n = 0;

	return list && !cpulist_parse(list, cpu, &n, &ignored) ? n : 0;
}

static void mark_lists(struct topology *t, const char *isolated, const char *tickless)
{
	unsigned int list[CPULIST_MAX];
	size_t n = list_read(isolated, list);
	struct topology_cpu *c;

	for (size_t i = 0; i < n; i++) {
		if ((c = cpu_at(t, list[i])))
			c->isolated = true;
	}
	n = list_read(tickless, list);
	for (size_t i = 0; i < n; i++) {
		if ((c = cpu_at(t, list[i])))
			c->tickless = true;
	}
}

static void offline_add(struct topology *t, unsigned int cpu)
{
	if (cpu < CPULIST_MAX && !cpu_at(t, cpu))
		t->offline[t->n_offline++] = cpu;
}

static void foreign_fill(hwloc_topology_t h, struct topology *t)
{
	hwloc_obj_t root = hwloc_get_root_obj(h);
	int cpu;

	mark_lists(t, hwloc_obj_get_info_by_name(root, "isolated"),
		   hwloc_obj_get_info_by_name(root, "nohz_full"));
	/* A synthetic machine's complete set may be infinite. */
	for (cpu = hwloc_bitmap_first(root->complete_cpuset);
	     cpu >= 0 && cpu < CPULIST_MAX;
	     cpu = hwloc_bitmap_next(root->complete_cpuset, cpu))
		offline_add(t, (unsigned int)cpu);
}

static const char *list_file(int root, const char *name, char *buf, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "sys/devices/system/cpu/%s", name);
	return file_read(root, path, buf, size) < 0 ? NULL : buf;
}

/* Affinity, which cpusets are part of, is this thread's; the rest is sysfs's. */
static int own_fill(struct topology *t, struct error *err)
{
	_cleanup_close_ int root = setting_root(err);
	char isolated[4096], tickless[4096], present[4096];
	unsigned int list[CPULIST_MAX];
	bool allowed[CPULIST_MAX] = { false };
	size_t n;
	int r = root < 0 ? root : cpulist_allowed(list, &n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		allowed[list[i]] = true;
	for (unsigned int i = 0; i < t->n; i++)
		t->cpu[i].allowed = t->cpu[i].allowed && allowed[t->cpu[i].cpu];
	mark_lists(t, list_file(root, "isolated", isolated, sizeof(isolated)),
		   list_file(root, "nohz_full", tickless, sizeof(tickless)));
	n = list_read(list_file(root, "present", present, sizeof(present)), list);
	for (size_t i = 0; i < n; i++)
		offline_add(t, list[i]);
	return 0;
}

int topology_read(const char *source, struct topology **out, struct error *err)
{
	_cleanup_hwloc_ hwloc_topology_t h = NULL;
	_cleanup_free_ struct topology *t = memory_new(1, sizeof(*t));
	int r = hwloc_open(source, false, &h, err);

	if (!r)
		r = cpus_fill(h, t, err);
	if (r < 0)
		return r;
	t->foreign = source != NULL;
	if (source)
		foreign_fill(h, t);
	else
		r = own_fill(t, err);
	if (!r)
		*out = take_ptr(t);
	return r;
}

const struct topology_cpu *topology_cpu_find(const struct topology *t, unsigned int cpu)
{
	struct topology_cpu key = { .cpu = cpu };

	return bsearch(&key, t->cpu, t->n, sizeof(key), cpu_compare);
}

unsigned int topology_distance(const struct topology_cpu *a, const struct topology_cpu *b)
{
	if (a->core == b->core)
		return 0;
	if (a->l2 >= 0 && a->l2 == b->l2)
		return 1;
	if (a->l3 >= 0 && a->l3 == b->l3)
		return 2;
	if (a->node == b->node)
		return 3;
	return a->package == b->package ? 4 : 5;
}

int topology_nic_node(int root, const char *nic)
{
	char above[3 * DEVICE_DEPTH + 1] = "", path[128];
	long long node;

	for (int up = 0; up < DEVICE_DEPTH; up++) {
		int r;

		snprintf(path, sizeof(path), "sys/class/net/%.16s/device%s/numa_node",
			 nic, above);
		r = file_number(root, path, &node);
		if (!r)
			return node < 0 ? TOPOLOGY_NODE_NONE : (int)node;
		if (r != -ENOENT)
			break;
		strcat(above, "/..");
	}
	return TOPOLOGY_NODE_NONE;
}

int topology_source_nic_node(const char *source, const char *nic)
{
	_cleanup_hwloc_ hwloc_topology_t h = NULL;
	struct error ignored = { 0 };
	hwloc_obj_t device = NULL, near;

	if (hwloc_open(source, true, &h, &ignored) < 0)
		return TOPOLOGY_NODE_NONE;
	while ((device = hwloc_get_next_osdev(h, device))) {
		if (device->attr->osdev.type != HWLOC_OBJ_OSDEV_NETWORK ||
		    strcmp(device->name, nic))
			continue;
		near = hwloc_get_non_io_ancestor_obj(h, device);
		/* A device below the whole machine is near no node. */
		return near && hwloc_bitmap_weight(near->nodeset) == 1
			       ? hwloc_bitmap_first(near->nodeset)
			       : TOPOLOGY_NODE_NONE;
	}
	return TOPOLOGY_NODE_NONE;
}
