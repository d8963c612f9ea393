/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns NF-IPT's rules as an nftables table, by libnftables. */
#include <errno.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "netns/internal.h"
#include "netns/tproxy.h"

#define NFT_TABLE "inet hapep"

static void nft_cleanup(struct nft_ctx **nft)
{
	if (*nft)
		nft_ctx_free(*nft);
}
#define _cleanup_nft_ __attribute__((cleanup(nft_cleanup)))

/* libnftables (1.0.6) ends the process where it gets no such socket: ask beforehand. */
static bool nft_possible(void)
{
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	return fd >= 0;
}

static struct nft_ctx *nft_open(void)
{
	struct nft_ctx *nft = nft_possible() ? nft_ctx_new(NFT_CTX_DEFAULT) : NULL;

	if (!nft)
		return NULL;
	nft_ctx_buffer_output(nft);
	nft_ctx_buffer_error(nft);
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_STATELESS);
	return nft;
}

/* The first line of what libnftables has to say, without its "Error: ". */
static int nft_run(struct nft_ctx *nft, const char *commands, struct error *err)
{
	const char *words;

	if (!nft)
		return error_say(err, EOPNOTSUPP,
				 "nftables: the kernel has no netlink for netfilter");
	if (!nft_run_cmd_from_buffer(nft, commands))
		return 0;
	words = nft_ctx_get_error_buffer(nft);
	words = words ? words : "";
	for (const char *at = words; (at = strstr(at, "Error: "));)
		words = at += strlen("Error: ");
	return error_say(err, EOPNOTSUPP, "nftables: %.*s", (int)strcspn(words, "\n"),
			 words);
}

static void nft_ports(const struct netns_plan *p, struct text *out)
{
	text_add(out, "{ ");
	for (size_t i = 0; i < p->ports.n; i++) {
		const struct port_range *r = &p->ports.range[i];

		text_add(out, "%s%u", i ? ", " : "", r->first);
		if (r->last != r->first)
			text_add(out, "-%u", r->last);
	}
	text_add(out, " }");
}

static void nft_map(const struct netns_plan *p, int family, struct text *out)
{
	const char *word = family == FAMILY_IPV6 ? "ip6" : "ip";
	const char *sep = "";
	char text[PREFIX_TEXT_SIZE];

	text_add(out, "\t\tiifname \"%s\" meta mark & 0x%x == 0 %s daddr != { ",
		 p->side[SIDE_CLIENT].inner, NETNS_MARK_PASS, word);
	for (int s = 0; s < SIDES; s++) {
		if (!p->side[s].address[family].family)
			continue;
		text_add(out, "%s%s", sep,
			 prefix_format(&p->side[s].address[family], false, text));
		sep = ", ";
	}
	text_add(out, "%s } tcp dport ", family == FAMILY_IPV6 ? ", fe80::/10" : "");
	nft_ports(p, out);
	text_line(out, " tproxy %s to %s:%u", word,
		  family == FAMILY_IPV6 ? "[" TPROXY_TO_IPV6 "]" : TPROXY_TO_IPV4,
		  p->proxy_port);
}

static void nft_exempt(const struct netns_plan *p, const char *hook, const char *device,
		       const char *first, const char *second, struct text *out)
{
	const char *port[SIDES] = { first, second };

	text_line(out, "\tchain notrack-%s {", hook);
	text_line(out, "\t\ttype filter hook %s priority raw; policy accept;", hook);
	for (int s = 0; s < SIDES; s++) {
		text_add(out, "\t\t%s \"%s\" tcp %s ", device, p->side[s].inner, port[s]);
		nft_ports(p, out);
		text_line(out, " notrack");
	}
	text_line(out, "\t}");
}

static void nft_table(const struct netns_plan *p, struct text *out)
{
	text_line(out, "table " NFT_TABLE " {");
	text_line(out, "\tchain to-proxy {");
	text_line(out, "\t\ttype filter hook prerouting priority mangle; policy accept;");
	for (int family = 0; family < FAMILIES; family++) {
		if (netns_has_family(p, family))
			nft_map(p, family, out);
	}
	text_line(out, "\t}");
	nft_exempt(p, "prerouting", "iifname", "dport", "sport", out);
	nft_exempt(p, "output", "oifname", "sport", "dport", out);
	text_line(out, "}");
}

/* One transaction: packets meet the old table or the new one. */
static int nft_load(const char *variant, const struct netns_plan *p, const char *old,
		    struct error *err)
{
	_cleanup_nft_ struct nft_ctx *nft = nft_open();
	_cleanup_text_ struct text commands = { 0 };

	(void)variant;
	(void)old;
	text_line(&commands, "table " NFT_TABLE);
	text_line(&commands, "delete table " NFT_TABLE);
	nft_table(p, &commands);
	return nft_run(nft, commands.text, err);
}

/* "list tables" first: listing a table that is not there is an error like any other. */
static int nft_there(struct nft_ctx *nft, bool *there, struct error *err)
{
	int r = nft_run(nft, "list tables", err);
	const char *tables = r < 0 ? NULL : nft_ctx_get_output_buffer(nft);

	*there = tables &&
		 tproxy_has_line(tables, "table " NFT_TABLE, strlen("table " NFT_TABLE));
	return r;
}

static int nft_list(const char *variant, struct text *out, struct error *err)
{
	_cleanup_nft_ struct nft_ctx *nft = nft_open();
	bool there;
	int r = nft_there(nft, &there, err);
	const char *at;

	(void)variant;
	if (r < 0 || !there)
		return r;
	r = nft_run(nft, "list table " NFT_TABLE, err);
	for (at = r < 0 ? NULL : nft_ctx_get_output_buffer(nft); at && *at;) {
		size_t n;

		at += strspn(at, "\t\n");
		n = strcspn(at, "\n");
		/* Rules and chains, not the braces that end them. */
		if (n > 1)
			text_line(out, "%.*s", (int)n, at);
		at += n;
	}
	return r;
}

static int nft_remove(const char *variant, const char *lines, struct error *err)
{
	_cleanup_nft_ struct nft_ctx *nft = nft_open();
	bool there;
	int r = nft_there(nft, &there, err);

	(void)variant;
	(void)lines;
	return r < 0 || !there ? r : nft_run(nft, "delete table " NFT_TABLE, err);
}

/* The kernel refuses to delete a chain that has rules, whoever added them meanwhile. */
void tproxy_nft_prune(void)
{
	static const char *const chains[] = {
		"ip raw PREROUTING",  "ip raw OUTPUT",  "ip mangle PREROUTING",
		"ip6 raw PREROUTING", "ip6 raw OUTPUT", "ip6 mangle PREROUTING"
	};
	_cleanup_nft_ struct nft_ctx *nft = nft_open();
	char command[64];

	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		snprintf(command, sizeof(command), "delete chain %s", chains[i]);
		nft_run(nft, command, NULL);
	}
}

int tproxy_nft_hooks(struct text *names)
{
	_cleanup_nft_ struct nft_ctx *nft = nft_open();
	const char *at = NULL, *table = "", *named = NULL;
	int n = 0;

	if (!nft_run(nft, "list chains", NULL))
		at = nft_ctx_get_output_buffer(nft);
	while (at && *at) {
		size_t length = strcspn(at, "\n");

		if (!memcmp(at, "table ", 6))
			table = at;
		else if (memmem(at, length, " hook ", 6)) {
			if (named != table)
				text_add(names, "%snftables %.*s",
					 names->length ? ", " : "",
					 (int)strcspn(table, "{\n") - 1, table);
			named = table;
			n++;
		}
		at += length + (at[length] == '\n');
	}
	return n;
}

static void nft_describe(const struct netns_plan *p, struct text *out)
{
	text_line(out, "ip netns exec %s nft -f - <<'NFT'", p->name);
	nft_table(p, out);
	text_line(out, "NFT");
}

static const char *const nft_variants[] = { "nft", NULL };

const struct tproxy_engine tproxy_nft = {
	.name = "nft",
	.needs = "engine = nft needs nf_tables with its inet family, tproxy and notrack "
		 "(CONFIG_NF_TABLES_INET, CONFIG_NFT_TPROXY, CONFIG_NFT_CT)",
	.variants = nft_variants,
	.load = nft_load,
	.list = nft_list,
	.remove = nft_remove,
	.describe = nft_describe,
	.alone = true,
};
