/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns NF-IPT's rules as iptables and ip6tables have them, run without a shell. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helpers/run.h"
#include "netns/internal.h"
#include "netns/tproxy.h"

#define MULTIPORT_SLOTS 15 /* of the multiport match; a range takes two */

#define TABLES 2
/* In the order in which rules come; they go in the other: none is tracked meanwhile. */
static const char *const iptables_tables[TABLES] = { "raw", "mangle" };
static const char *const iptables_prefix[FAMILIES] = { "iptables", "ip6tables" };

/* Part of the ports, from *at on: as many as one multiport match takes. */
static void iptables_ports(const struct ports *ports, size_t *at, char *out, size_t size)
{
	size_t used = 0, slots = 0;

	for (; *at < ports->n; (*at)++) {
		const struct port_range *r = &ports->range[*at];
		bool range = r->first != r->last;

		slots += range ? 2 : 1;
		if (slots > MULTIPORT_SLOTS)
			return;
		used += (size_t)snprintf(out + used, size - used, "%s%u", used ? "," : "",
					 r->first);
		if (range)
			used += (size_t)snprintf(out + used, size - used, ":%u", r->last);
	}
}

/* Adds "4 mangle -A ..." for each rule: the family, the table, and what to do in it. */
static void iptables_map(const struct netns_plan *p, int family, struct text *out)
{
	bool six = family == FAMILY_IPV6;
	const char *from = p->side[SIDE_CLIENT].inner;
	char text[PREFIX_TEXT_SIZE], ports[256];

	for (int s = 0; s < SIDES; s++) {
		if (p->side[s].address[family].family)
			text_line(
				out, "%d mangle -A PREROUTING -i %s -d %s -j RETURN",
				six ? 6 : 4, from,
				prefix_format(&p->side[s].address[family], false, text));
	}
	if (six)
		text_line(out, "6 mangle -A PREROUTING -i %s -d fe80::/10 -j RETURN",
			  from);
	for (size_t at = 0; at < p->ports.n;) {
		iptables_ports(&p->ports, &at, ports, sizeof(ports));
		text_line(out,
			  "%d mangle -A PREROUTING -i %s -p tcp -m mark --mark 0x0/0x%x "
			  "-m multiport --dports %s -j TPROXY --on-port %u --on-ip %s "
			  "--tproxy-mark 0x0/0x0",
			  six ? 6 : 4, from, NETNS_MARK_PASS, ports, p->proxy_port,
			  six ? TPROXY_TO_IPV6 : TPROXY_TO_IPV4);
	}
}

static void iptables_exempt(const struct netns_plan *p, int family, struct text *out)
{
	static const struct {
		const char *chain, *device, *port[SIDES];
	} way[] = { { "PREROUTING", "-i", { "--dports", "--sports" } },
		    { "OUTPUT", "-o", { "--sports", "--dports" } } };
	char ports[256];

	for (size_t at = 0; at < p->ports.n;) {
		iptables_ports(&p->ports, &at, ports, sizeof(ports));
		for (int i = 0; i < 2 * SIDES; i++)
			text_line(out,
				  "%d raw -A %s %s %s -p tcp -m multiport %s %s -j CT "
				  "--notrack",
				  family == FAMILY_IPV6 ? 6 : 4, way[i / 2].chain,
				  way[i / 2].device, p->side[i % 2].inner,
				  way[i / 2].port[i % 2], ports);
	}
}

static void iptables_rules(const struct netns_plan *p, int family, struct text *out)
{
	if (!netns_has_family(p, family))
		return;
	iptables_map(p, family, out);
	iptables_exempt(p, family, out);
}

/* One family's lines of one table, as iptables-restore takes them; with -D: removed. */
static void iptables_batch(const char *lines, int family, const char *table, bool away,
			   struct text *out)
{
	char head[16];
	size_t n = (size_t)snprintf(head, sizeof(head), "%d %s -A ",
				    family == FAMILY_IPV6 ? 6 : 4, table);

	while (lines && *lines) {
		size_t length = strcspn(lines, "\n");

		if (length > n && !memcmp(lines, head, n))
			text_line(out, "%s %.*s", away ? "-D" : "-A", (int)(length - n),
				  lines + n);
		lines += length + (lines[length] == '\n');
	}
}

/* `gone` goes and `come` comes, each table in one transaction. */
static int iptables_change(const char *variant, int family, const char *gone,
			   const char *come, struct error *err)
{
	_cleanup_text_ struct text input = { 0 };
	char program[40];
	const char *const argv[] = { program, "--noflush", NULL };
	bool any = false;

	for (size_t i = 0; i < TABLES; i++) {
		const char *table = iptables_tables[come ? i : TABLES - 1 - i];
		size_t before;

		text_line(&input, "*%s", table);
		before = input.length;
		iptables_batch(gone, family, table, true, &input);
		iptables_batch(come, family, table, false, &input);
		any = any || input.length > before;
		text_line(&input, "COMMIT");
	}
	snprintf(program, sizeof(program), "%s%s-restore", iptables_prefix[family],
		 variant);
	return any ? run_program(argv, input.text, NULL, err) : 0;
}

/* iptables-save's lines; their order in a chain is the kernel's. */
static int iptables_list_family(const char *variant, int family, struct text *out,
				struct error *err)
{
	_cleanup_text_ struct text saved = { 0 };
	char program[40], table[32] = "";
	const char *const argv[] = { program, NULL };
	int r;

	snprintf(program, sizeof(program), "%s%s-save", iptables_prefix[family], variant);
	r = run_program(argv, NULL, &saved, err);
	for (const char *at = saved.text; !r && at && *at;) {
		size_t n = strcspn(at, "\n");

		if (*at == '*')
			snprintf(table, sizeof(table), "%.*s", (int)n - 1, at + 1);
		else if (n > 3 && !memcmp(at, "-A ", 3))
			text_line(out, "%d %s %.*s", family == FAMILY_IPV6 ? 6 : 4, table,
				  (int)n, at);
		at += n + (at[n] == '\n');
	}
	return r;
}

static int iptables_list(const char *variant, struct text *out, struct error *err)
{
	int r = 0;

	for (int family = 0; family < FAMILIES && !r; family++)
		r = iptables_list_family(variant, family, out, err);
	return r == -ENOENT ? error_say(err, ENOENT,
					"iptables%s-save is missing: install the package "
					"iptables, or choose engine = nft",
					variant)
			    : r;
}

/* Those of the lines that are there, in the words in which they are there. */
static int iptables_present(const char *variant, const char *lines, struct text *out,
			    struct error *err)
{
	_cleanup_text_ struct text found = { 0 };
	int r = iptables_list(variant, &found, err);

	for (const char *at = found.text; !r && at && *at;) {
		size_t n = strcspn(at, "\n");

		if (tproxy_has_line(lines, at, n))
			text_line(out, "%.*s", (int)n, at);
		at += n + (at[n] == '\n');
	}
	return r;
}

static int iptables_load(const char *variant, const struct netns_plan *p, const char *old,
			 struct error *err)
{
	_cleanup_text_ struct text gone = { 0 };
	int r = iptables_present(variant, old, &gone, err);

	for (int family = 0; family < FAMILIES && !r; family++) {
		_cleanup_text_ struct text rules = { 0 };

		iptables_rules(p, family, &rules);
		r = iptables_change(variant, family, gone.text, rules.text, err);
	}
	return r;
}

static int iptables_remove(const char *variant, const char *lines, struct error *err)
{
	_cleanup_text_ struct text gone = { 0 };
	int r = iptables_present(variant, lines, &gone, err);

	for (int family = 0; family < FAMILIES && !r; family++)
		r = iptables_change(variant, family, gone.text, NULL, err);
	if (!r)
		tproxy_nft_prune();
	return r;
}

static void iptables_describe(const struct netns_plan *p, struct text *out)
{
	for (int family = 0; family < FAMILIES; family++) {
		_cleanup_text_ struct text rules = { 0 };

		iptables_rules(p, family, &rules);
		for (const char *at = rules.text; at && *at;) {
			size_t table = strcspn(at + 2, " "), n = strcspn(at, "\n");

			text_line(out, "ip netns exec %s %s -t %.*s %.*s", p->name,
				  iptables_prefix[family], (int)table, at + 2,
				  (int)(n - table - 3), at + table + 3);
			at += n + (at[n] == '\n');
		}
	}
}

/* Debian's default first; then either by name, since the kernel may have but one. */
static const char *const iptables_variants[] = { "", "-nft", "-legacy", NULL };

const struct tproxy_engine tproxy_iptables = {
	.name = "iptables",
	.needs = "engine = iptables needs the package iptables and xtables in the kernel "
		 "(CONFIG_NETFILTER_XT_TARGET_TPROXY, _XT_TARGET_CT, "
		 "_XT_MATCH_MULTIPORT, _XT_MATCH_MARK, and either IP_NF_RAW and "
		 "IP_NF_MANGLE or NFT_COMPAT)",
	.variants = iptables_variants,
	.load = iptables_load,
	.list = iptables_list,
	.remove = iptables_remove,
	.describe = iptables_describe,
};
