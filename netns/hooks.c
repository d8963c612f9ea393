/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what is known of a namespace's netfilter hooks, and NO-NF's claim to have none. */
#include "netns/hooks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "netns/internal.h"
#include "netns/tproxy.h"

void hooks_name(const char *function, struct text *names)
{
	size_t n = strlen(function);

	for (const char *at = names->text; at && *at; at += strspn(at, ", ")) {
		size_t length = strcspn(at, ",");

		if (length == n && !memcmp(at, function, n))
			return;
		at += length;
	}
	text_add(names, "%s%s", names->length ? ", " : "", function);
}

static int hooks_xtables(const char *path, const char *word, struct text *names)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char table[64];
	int n = 0;

	while (f && fgets(table, sizeof(table), f)) {
		table[strcspn(table, "\n")] = '\0';
		text_add(names, "%s%s table %s", names->length ? ", " : "", word, table);
		n++;
	}
	return n;
}

/* Not all that there may be, but each of these is one for certain. */
static int hooks_tables(void *arg, struct error *err)
{
	struct text *names = arg;

	(void)err;
	return tproxy_nft_hooks(names) +
	       hooks_xtables("/proc/thread-self/net/ip_tables_names", "iptables", names) +
	       hooks_xtables("/proc/thread-self/net/ip6_tables_names", "ip6tables",
			     names);
}

/* What a security module calls its hooks' functions. */
static bool hooks_of_security(const char *name)
{
	static const char *const modules[] = { "apparmor_", "selinux_", "smack_" };

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		if (!strncmp(name, modules[i], strlen(modules[i])))
			return true;
	}
	return false;
}

bool netns_hooks_inborn(const char *names)
{
	for (const char *at = names; *at; at += strspn(at, ", ")) {
		if (!hooks_of_security(at))
			return false;
		at += strcspn(at, ",");
	}
	return true;
}

const char *netns_hooks_remedy(const char *names)
{
	return netns_hooks_inborn(names)
		       ? "boot with lsm=landlock,lockdown,yama,integrity, which leaves "
			 "out AppArmor, SELinux and Smack and their hooks"
		       : "remove what registers them (nft list ruleset, iptables-save)";
}

/* As netns_hooks, in the namespace nsfd. */
static int hooks_ask(int nsfd, struct text *names, struct error *err)
{
	_cleanup_text_ struct text tables = { 0 };
	struct error list = { 0 }, walk = { 0 };
	int n = hooks_list(nsfd, names, &list), m;

	if (n == -EOPNOTSUPP)
		n = hooks_walk(nsfd, names, &walk);
	if (n == 0 || (n < 0 && n != -EOPNOTSUPP)) {
		if (n < 0)
			*err = walk.code ? walk : list;
		return n;
	}
	m = namespace_call(nsfd, hooks_tables, &tables, err);
	if (m > 0)
		text_add(names, "%s%s%s", n > 0 ? " (" : "", tables.text,
			 n > 0 ? ")" : "");
	if (n > 0 || m)
		return n > 0 ? n : m;
	return error_say(err, EOPNOTSUPP, "%s; %s; nftables and xtables have none",
			 list.msg, walk.msg);
}

int netns_hooks(const char *name, struct text *names, struct error *err)
{
	_cleanup_close_ int nsfd = namespace_open(name, err);

	return nsfd < 0 ? nsfd : hooks_ask(nsfd, names, err);
}

/* 0 also where it cannot be known: hapep status says that in its own words. */
static int hooks_none(int nsfd, const char *where, struct error *err)
{
	_cleanup_text_ struct text names = { 0 };
	int n = hooks_ask(nsfd, &names, err);

	if (n == -EOPNOTSUPP)
		*err = (struct error){ 0 };
	if (n <= 0)
		return n == -EOPNOTSUPP ? 0 : n;
	return error_say(err, ENOTSUP,
			 "a namespace without netfilter hooks is what NO-NF takes, and "
			 "%s has: %s; either %s, or choose NF-NO-IPT",
			 where, names.text, netns_hooks_remedy(names.text));
}

int netns_hooks_check(struct error *err)
{
	_cleanup_close_ int nsfd = namespace_new(err);

	return nsfd < 0 ? nsfd : hooks_none(nsfd, "every one of this kernel's", err);
}

int netns_hooks_refuse(const char *name, struct error *err)
{
	_cleanup_close_ int nsfd = namespace_open(name, err);

	if (nsfd == -ENOENT || nsfd == -ESTALE) {
		*err = (struct error){ 0 };
		return 0;
	}
	return nsfd < 0 ? nsfd : hooks_none(nsfd, name, err);
}
