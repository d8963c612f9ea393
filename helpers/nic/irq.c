/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns finding a NIC's interrupt vectors and the queue that each serves. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/file.h"
#include "helpers/memory.h"
#include "helpers/nic/irq.h"
#include "helpers/setting.h"

struct vectors {
	struct nic_vector *vector;
	size_t n;
};

/* Words in the names of vectors that serve no queue. */
static const char *const other_words[] = { "config", "control", "ctrl", "async", "mgm",
					   "misc",   "event",   "link", "cmd",   "err",
					   "fdir",   "lsc",     "aeq" };

static int vector_add(const char *name, void *arg)
{
	struct vectors *all = arg;
	struct nic_vector *grown;

	if (!isdigit((unsigned char)*name))
		return 0;
	grown = realloc(all->vector, (all->n + 1) * sizeof(*grown));
	if (!grown)
		abort();
	all->vector = grown;
	all->vector[all->n++] =
		(struct nic_vector){ .irq = (unsigned int)strtoul(name, NULL, 10),
				     .queue = -1 };
	return 0;
}

static int vector_order(const void *a, const void *b)
{
	const struct nic_vector *x = a, *y = b;

	return x->irq < y->irq ? -1 : x->irq > y->irq;
}

/* Lists the device's vectors; none is no error. */
static int vectors_list(int root, const char *nic, struct vectors *all)
{
	static const char *const up[] = { "", "/.." }; /* virtio's are its parent's */
	char path[128];
	long long line = 0;

	for (size_t i = 0; i < sizeof(up) / sizeof(up[0]); i++) {
		snprintf(path, sizeof(path), "sys/class/net/%s/device%s/msi_irqs", nic,
			 up[i]);
		if (!file_list(root, path, vector_add, all) && all->n)
			return 0;
	}
	for (size_t i = 0; i < sizeof(up) / sizeof(up[0]) && !all->n; i++) {
		char name[24];

		snprintf(path, sizeof(path), "sys/class/net/%s/device%s/irq", nic, up[i]);
		if (file_number(root, path, &line) < 0 || line <= 0)
			continue;
		snprintf(name, sizeof(name), "%lld", line);
		vector_add(name, all);
	}
	return 0;
}

/*
 * The number at the end of a name such as eth0-TxRx-3, virtio0-input.3 or
 * mlx5_comp3@pci:0000:3b:00.0; -1: the name is of no queue, as is the interface's own
 * (e1000e, igb and ixgbe call the vector of link events so). *transmits: of the transmit
 * side alone.
 */
static int action_number(const char *nic, const char *action, bool *transmits)
{
	char name[sizeof(((struct nic_vector *)0)->action)];
	size_t end, start;

	snprintf(name, sizeof(name), "%s", action);
	name[strcspn(name, "@")] = '\0';
	if (!strcmp(name, nic) || !strpbrk(name, "-_.:"))
		return -1;
	for (end = 0; name[end]; end++)
		name[end] = (char)tolower((unsigned char)name[end]);
	for (start = end; start > 0 && isdigit((unsigned char)name[start - 1]); start--)
		;
	if (start == end || end - start > 6)
		return -1;
	for (size_t i = 0; i < sizeof(other_words) / sizeof(other_words[0]); i++) {
		if (strstr(name, other_words[i]))
			return -1;
	}
	*transmits =
		strstr(name, "output") || (strstr(name, "tx") && !strstr(name, "rx"));
	return atoi(name + start);
}

/* How many different numbers of receiving vectors are below this one: the queue. */
static int vector_rank(const struct vectors *all, const int *number, int mine)
{
	int rank = 0;

	for (size_t i = 0; i < all->n; i++) {
		bool seen = !all->vector[i].receives || number[i] >= mine;

		for (size_t k = 0; k < i && !seen; k++)
			seen = all->vector[k].receives && number[k] == number[i];
		rank += !seen;
	}
	return rank;
}

static void vectors_name(int root, const char *nic, struct vectors *all)
{
	_cleanup_free_ int *number = memory_new(all->n, sizeof(*number));

	for (size_t i = 0; i < all->n; i++) {
		struct nic_vector *v = &all->vector[i];
		bool transmits = false;
		char path[64], names[256];

		snprintf(path, sizeof(path), "sys/kernel/irq/%u/actions", v->irq);
		if (file_read(root, path, names, sizeof(names)) < 0)
			names[0] = '\0';
		snprintf(v->action, sizeof(v->action), "%.*s", (int)strcspn(names, ","),
			 names);
		number[i] = action_number(nic, v->action, &transmits);
		v->receives = number[i] >= 0 && !transmits;
	}
	for (size_t i = 0; i < all->n; i++) {
		if (number[i] >= 0)
			all->vector[i].queue = vector_rank(all, number, number[i]);
	}
	/* One vector for all that the device has to say, whatever it is called. */
	if (all->n == 1) {
		all->vector[0].queue = 0;
		all->vector[0].receives = true;
	}
}

int nic_vectors(int root, const char *nic, struct nic_vector **out, size_t *n,
		struct error *err)
{
	struct vectors all = { 0 };
	char path[64], text[16];

	snprintf(path, sizeof(path), "sys/class/net/%s/ifindex", nic);
	if (file_read(root, path, text, sizeof(text)) < 0)
		return error_say(err, ENODEV, "there is no interface '%s'", nic);
	vectors_list(root, nic, &all);
	if (all.n) /* qsort takes no null */
		qsort(all.vector, all.n, sizeof(*all.vector), vector_order);
	vectors_name(root, nic, &all);
	*out = all.vector;
	*n = all.n;
	return 0;
}

int nic_irqs(const char *nic, unsigned int queues, int *irq, struct error *err)
{
	_cleanup_free_ struct nic_vector *vector = NULL;
	_cleanup_close_ int root = setting_root(err);
	size_t n = 0;
	int r = root < 0 ? root : nic_vectors(root, nic, &vector, &n, err);

	for (unsigned int q = 0; q < queues; q++)
		irq[q] = -1;
	for (size_t i = 0; i < n; i++) {
		if (vector[i].receives && vector[i].queue < (int)queues)
			irq[vector[i].queue] = (int)vector[i].irq;
	}
	return r;
}

struct process_search {
	int root;
	const char *name;
};

static int process_named(const char *pid, void *arg)
{
	const struct process_search *s = arg;
	char path[64], name[32];

	if (!isdigit((unsigned char)*pid))
		return 0;
	snprintf(path, sizeof(path), "proc/%.20s/comm", pid);
	return file_read(s->root, path, name, sizeof(name)) > 0 && !strcmp(name, s->name);
}

bool nic_irqs_balanced(int root)
{
	struct process_search s = { root, "irqbalance" };

	return file_list(root, "proc", process_named, &s) > 0;
}
