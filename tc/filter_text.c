/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns saying what a filter is in tc's words, and how one differs from what it should be.
 */
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_vlan.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tc/filter.h"

static const char *filter_hook(const struct filter *f)
{
	return f->egress ? "egress" : "ingress";
}

static const char *filter_protocol(const struct filter *f)
{
	switch (f->protocol) {
	case ETH_P_8021Q:
		return "802.1Q";
	case ETH_P_IP:
		return "ip";
	case ETH_P_IPV6:
		return "ipv6";
	case ETH_P_ARP:
		return "arp";
	default:
		return "all";
	}
}

static void filter_describe_tag(unsigned int vlan, struct text *out)
{
	if (vlan)
		text_add(out, " vlan %u", vlan);
	else
		text_add(out, " untagged");
}

static void filter_describe_steer(const struct program *p, struct text *out)
{
	char ports[PORTS_TEXT_SIZE];

	text_add(out, " own_marks=0x%x side_mark=0x%x local_mark=0x%x pass_mark=0x%x%s",
		 p->own_marks, p->side_mark, p->local_mark, p->pass_mark,
		 p->fail_closed ? " fail closed" : "");
	text_add(out, " ports %s", ports_format(&p->ports, ports, sizeof(ports)));
	if (p->leaving.n)
		text_add(out, ", leaving %s",
			 ports_format(&p->leaving, ports, sizeof(ports)));
}

static void filter_describe_program(const struct filter *f, struct text *out)
{
	const struct program *p = &f->program;
	char ports[PORTS_TEXT_SIZE];

	text_add(out, " bpf da object %s program %s #", program_object(p->kind),
		 program_name(p->kind));
	for (int i = 0; i < 2 && p->kind == PROGRAM_NIC; i++) {
		if (!f->target[i][0])
			continue;
		filter_describe_tag(p->vlan[i], out);
		text_add(out, " to the peer of %s", f->target[i]);
	}
	if (p->kind == PROGRAM_HOST) {
		filter_describe_tag(p->vlan[0], out);
		text_add(out, " to %s", f->target[0]);
	}
	if (p->kind == PROGRAM_RESET_IN || p->kind == PROGRAM_RESET_OUT)
		text_add(out, " both of them share the map hapep_resets");
	if (p->kind == PROGRAM_RESET_IN && p->ports.n)
		text_add(out, ", but for servers' ports %s",
			 ports_format(&p->ports, ports, sizeof(ports)));
	if (p->kind == PROGRAM_STEER)
		filter_describe_steer(p, out);
}

void filter_describe(const struct filter *f, const char *netns, struct text *out)
{
	text_add(out, "%stc %s%s%sfilter add dev %s %s pref %u handle 0x%x protocol %s",
		 f->kind == FILTER_BPF ? "# with libbpf: " : "", netns ? "-n " : "",
		 netns ? netns : "", netns ? " " : "", f->dev, filter_hook(f), f->pref,
		 f->handle, filter_protocol(f));
	if (f->kind == FILTER_BPF) {
		filter_describe_program(f, out);
		text_line(out, "%s", "");
		return;
	}
	text_add(out, " %s", filter_kind_name(f->kind));
	if (f->kind == FILTER_FLOWER)
		text_add(out, " vlan_id %u", f->vlan);
	if (f->action == FILTER_REDIRECT)
		text_line(out, " action mirred egress redirect dev %s", f->target[0]);
	else if (f->action == FILTER_POP)
		text_line(out, " action vlan pop continue");
	else
		text_line(out, " action vlan push id %u", f->vlan);
}

/* One line of difference, and the answer to filter_differs. detail may be NULL. */
__attribute__((format(printf, 3, 4))) static bool
filter_says(const struct filter *f, struct text *detail, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	if (!detail)
		return true;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	text_line(detail, "%s of '%s', pref %u handle 0x%x: %s", filter_hook(f), f->dev,
		  f->pref, f->handle, what);
	return true;
}

static bool filter_redirect_differs(const struct filter *f, const struct seen_action *a,
				    struct text *detail)
{
	if (strcmp(a->kind, "mirred") || a->mirred_action != TCA_EGRESS_REDIR)
		return filter_says(f, detail, "action '%s' instead of an egress redirect",
				   a->kind);
	if (a->ifindex != f->target_ifindex)
		return filter_says(f, detail,
				   "redirects to interface %d instead of %d ('%s')",
				   a->ifindex, f->target_ifindex, f->target[0]);
	return false;
}

static bool filter_tag_differs(const struct filter *f, const struct seen_action *a,
			       struct text *detail)
{
	bool pop = f->action == FILTER_POP;

	if (strcmp(a->kind, "vlan") ||
	    a->vlan_action != (pop ? TCA_VLAN_ACT_POP : TCA_VLAN_ACT_PUSH))
		return filter_says(f, detail, "action '%s' instead of vlan %s", a->kind,
				   pop ? "pop" : "push");
	if (pop && a->control != TC_ACT_UNSPEC)
		return filter_says(f, detail, "vlan pop does not continue to tc/steer");
	if (!pop && a->vlan != f->vlan)
		return filter_says(f, detail, "pushes vlan %u instead of %u", a->vlan,
				   f->vlan);
	if (!pop && a->proto != ETH_P_8021Q)
		return filter_says(f, detail, "pushes a tag of EtherType 0x%x", a->proto);
	return false;
}

static bool filter_program_differs(const struct filter *f, const struct seen *s,
				   struct text *detail)
{
	struct program_identity wanted, found;
	struct error why = { 0 };
	int fd = -1;

	if (!s->direct_action || s->n_actions)
		return filter_says(f, detail, "not in direct-action mode");
	if (program_identify(s->program, &found, &why) < 0 ||
	    program_load(&f->program, &fd, &wanted, &why) < 0)
		return filter_says(f, detail, "cannot tell its program: %s", why.msg);
	close(fd);
	if (strcmp(wanted.name, found.name))
		return filter_says(f, detail, "runs program '%s' instead of '%s'",
				   found.name, wanted.name);
	if (memcmp(wanted.tag, found.tag, sizeof(wanted.tag)))
		return filter_says(f, detail, "runs another version of program '%s'",
				   found.name);
	if (!program_identity_equal(&wanted, &found))
		return filter_says(f, detail,
				   "program '%s' has other constants (interface, vlan, "
				   "mark or ports)",
				   found.name);
	return false;
}

bool filter_differs(const struct filter *f, const struct seen *s, struct text *detail)
{
	if (f->kind == FILTER_BPF)
		return filter_program_differs(f, s, detail);
	if (f->kind == FILTER_FLOWER && s->vlan != (int)f->vlan)
		return filter_says(f, detail, "matches vlan %d instead of %u", s->vlan,
				   f->vlan);
	if (s->other_keys)
		return filter_says(f, detail, "matches on more than the vlan");
	if (s->n_actions != 1)
		return filter_says(f, detail, "has %u actions instead of one",
				   s->n_actions);
	if (f->action == FILTER_REDIRECT)
		return filter_redirect_differs(f, &s->action[0], detail);
	return filter_tag_differs(f, &s->action[0], detail);
}
