/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the checks of the devices in the path: offloads, VLAN and reverse path filters. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/doctor.h"
#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "helpers/nic/feature.h"

/* By the kernel's name, and by the word that `ethtool -K` takes. */
static const struct offload {
	const char *name, *word;
} offloads[] = {
	{ "rx-gro", "gro" },
	{ "tx-generic-segmentation", "gso" },
	{ "tx-tcp-segmentation", "tso" },
	{ "tx-tcp6-segmentation", "tx-tcp6-segmentation" },
	{ "tx-checksum-ip-generic", "tx" },
	{ "rx-checksum", "rx" },
};
#define OFFLOADS (sizeof(offloads) / sizeof(offloads[0]))

static void offload_say(struct doctor *d, const char *dev, const char *prefix,
			const struct offload *o, const struct feature *now)
{
	/* A device that cannot do it is as it is: the kernel does it in software. */
	struct doctor_finding *f =
		doctor_find(d, now->changeable ? DOCTOR_WARNING : DOCTOR_NOTE);

	text_add(&f->what, "%s of '%s' is off%s", o->name, dev,
		 now->changeable ? "" : ", and its driver cannot turn it on");
	text_add(&f->read, "%sethtool -k %s: %s: off%s", prefix, dev, o->name,
		 now->changeable ? "" : " [fixed]");
	text_add(&f->why, "Packets of 64 KB are then cut into segments, or checksummed, "
			  "by a core at this device, which costs half the throughput of "
			  "bulk transfers and more.");
	if (now->changeable)
		text_add(&f->mend, "%sethtool -K %s %s on", prefix, dev, o->word);
	else
		text_add(&f->mend, "nothing, but another NIC or driver");
}

/*
 * GRO of a veth is off as the kernel makes it (5.13: it would be a NAPI of its own), and
 * with the NIC's GRO on it has nothing to do: GSO packets cross a veth whole. Of
 * checksums a NIC has one of several kinds; the generic one is every veth's.
 */
static bool offload_expected(const struct offload *o, bool veth)
{
	if (veth)
		return strcmp(o->name, "rx-gro") != 0 && strcmp(o->name, "rx-checksum");
	return strcmp(o->name, "tx-checksum-ip-generic") != 0;
}

struct offload_device {
	struct doctor *d;
	const char *name, *prefix;
	bool veth;
};

static int offload_device(void *arg, struct error *err)
{
	const struct offload_device *w = arg;
	struct feature now;
	int r;

	for (size_t i = 0; i < OFFLOADS; i++) {
		if (!offload_expected(&offloads[i], w->veth))
			continue;
		r = feature_read(w->name, offloads[i].name, &now, err);
		if (r < 0)
			return r == -ENODEV ? 0 : r; /* "state" tells of it */
		if (now.known && !now.active)
			offload_say(w->d, w->name, w->prefix, &offloads[i], &now);
	}
	return 0;
}

int doctor_offload(struct doctor *d, struct error *err)
{
	struct offload_device w = { .d = d, .prefix = "" };
	char inside[64];
	const char *nic[SIDES];
	int n = doctor_nics(d, nic), r = 0;

	for (int i = 0; i < n && !r; i++) {
		w.name = nic[i];
		r = offload_device(&w, err);
	}
	w.veth = true;
	for (int s = 0; s < SIDES && !r && d->up; s++) {
		w.prefix = "";
		w.name = d->plan.netns.side[s].host;
		r = offload_device(&w, err);
		if (r < 0 || d->nsfd < 0)
			continue;
		snprintf(inside, sizeof(inside), "ip netns exec %s ", d->plan.name);
		w.prefix = inside;
		w.name = d->plan.netns.side[s].inner;
		r = namespace_call(d->nsfd, offload_device, &w, err);
	}
	return r;
}

/* True where the kernel told the NIC of the tag for a VLAN device of somebody's. */
static bool vlan_registered(const struct doctor *d, const char *nic, unsigned int vlan)
{
	char list[16384], parent[IFNAMSIZ], *save = NULL;
	unsigned int id;

	if (doctor_read(d, "proc/net/vlan/config", list, sizeof(list)) < 0)
		return false;
	for (const char *line = strtok_r(list, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%*s | %u | %15s", &id, parent) == 2 && id == vlan &&
		    !strcmp(parent, nic))
			return true;
	}
	return false;
}

int doctor_vlan_filter(struct doctor *d, struct error *err)
{
	struct feature filter;
	struct doctor_finding *f;
	int r = 0;

	for (int s = 0; s < SIDES && !r; s++) {
		const struct nic *nic = &d->plan.nic[s];
		unsigned int vlan = d->plan.tc.side[s].vlan;

		r = feature_read(nic->name, "rx-vlan-filter", &filter, err);
		if (r < 0 || !vlan || !filter.active || nic->flags & IFF_PROMISC ||
		    vlan_registered(d, nic->name, vlan))
			continue;
		if (!d->up) /* up turns it off, or has the NIC take everything */
			continue;
		f = doctor_find(d, DOCTOR_FAULT);
		text_add(&f->what, "'%s' drops frames of VLAN %u", nic->name, vlan);
		text_add(&f->read,
			 "ethtool -k %s: rx-vlan-filter: on%s; it is not promiscuous, "
			 "and no VLAN device of it has the id",
			 nic->name, filter.changeable ? "" : " [fixed]");
		text_add(&f->why, "A NIC with the filter on drops every tag that it was "
				  "not told of, before tc sees it.");
		if (filter.changeable)
			text_add(&f->mend, "ethtool -K %s rx-vlan-filter off", nic->name);
		else
			text_add(&f->mend, "ip link set dev %s promisc on", nic->name);
	}
	return r;
}

#define RP_FILTER "proc/sys/net/ipv4/conf/%s/rp_filter"

/* -1 where there is no such file, or no such namespace. */
static int rp_filter_of(const struct doctor *d, bool inside, const char *dev)
{
	char path[96], text[16];
	int r;

	snprintf(path, sizeof(path), RP_FILTER, dev);
	r = inside ? doctor_read_inside(d, path, text, sizeof(text))
		   : doctor_read(d, path, text, sizeof(text));
	return r > 0 ? atoi(text) : -1;
}

/* The kernel takes the greater of `all` and the device's. */
static void rp_filter_inside(struct doctor *d, const char *dev)
{
	int all = rp_filter_of(d, true, "all"), own = rp_filter_of(d, true, dev);
	int value = all > own ? all : own;
	struct doctor_finding *f;

	if (value <= 0)
		return;
	f = doctor_find(d, value == 1 ? DOCTOR_FAULT : DOCTOR_WARNING);
	text_add(&f->what, "a %s reverse path filter is on for '%s' in the namespace",
		 value == 1 ? "strict" : "loose", dev);
	text_add(&f->read,
		 "ip netns exec %s sysctl net.ipv4.conf.all.rp_filter "
		 "net.ipv4.conf.%s.rp_filter: %d, %d",
		 d->plan.name, dev, all, own);
	text_add(&f->why,
		 "The proxy answers with addresses that are on the other side, so "
		 "the filter drops what belongs to it.");
	text_add(&f->mend,
		 "ip netns exec %s sysctl -w net.ipv4.conf.all.rp_filter=0 "
		 "net.ipv4.conf.%s.rp_filter=0",
		 d->plan.name, dev);
}

static void rp_filter_nic(struct doctor *d, const char *nic)
{
	int all = rp_filter_of(d, false, "all"), own = rp_filter_of(d, false, nic);
	struct doctor_finding *f;

	if (all != 1 && own != 1)
		return;
	if (all > 1 || own > 1)
		return;
	f = doctor_find(d, DOCTOR_NOTE);
	text_add(&f->what, "a strict reverse path filter is on for '%s'", nic);
	text_add(&f->read,
		 "sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.%s.rp_filter: %d, %d",
		 nic, all, own);
	text_add(&f->why, "What is redirected into the namespace never meets it; traffic "
			  "that the machine itself forwards by this NIC, and that comes "
			  "back another way, is dropped.");
	text_add(&f->mend,
		 "sysctl -w net.ipv4.conf.all.rp_filter=0 "
		 "net.ipv4.conf.%s.rp_filter=0",
		 nic);
}

int doctor_rp_filter(struct doctor *d, struct error *err)
{
	const char *nic[SIDES];
	int n = doctor_nics(d, nic);

	(void)err;
	for (int s = 0; s < SIDES && d->up; s++)
		rp_filter_inside(d, d->plan.netns.side[s].inner);
	for (int i = 0; i < n; i++)
		rp_filter_nic(d, nic[i]);
	return 0;
}
