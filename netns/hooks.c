/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns asking the kernel which netfilter hooks a namespace has. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "netns/internal.h"
#include "netns/tproxy.h"

#define HOOKS_NUMBERS 5 /* of an IP family: prerouting .. postrouting */
#define HOOK_NAME_MAX 128

struct hook_request {
	struct nlmsghdr h;
	struct nfgenmsg family;
	struct nlattr number;
	__be32 value;
};

static int hook_send(int fd, int family, unsigned int number)
{
	struct hook_request q = {
		.h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = NFNL_SUBSYS_HOOK << 8 | NFNL_MSG_HOOK_GET,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.family = { .nfgen_family = (unsigned char)family,
			    .version = NFNETLINK_V0 },
		.number = { .nla_len = sizeof(struct nlattr) + sizeof(__be32),
			    .nla_type = NFNLA_HOOK_HOOKNUM },
		.value = htonl(number),
	};

	return send(fd, &q, sizeof(q), 0) < 0 ? -errno : 0;
}

/* Each name once, though a function may be on several hooks. */
static void hook_name(const struct nlmsghdr *h, struct text *names)
{
	struct nlattr *at[NFNLA_HOOK_MAX + 1];
	char name[HOOK_NAME_MAX];

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nfgenmsg), at,
			NFNLA_HOOK_MAX, NULL) < 0)
		return;
	if (at[NFNLA_HOOK_FUNCTION_NAME])
		nla_strlcpy(name, at[NFNLA_HOOK_FUNCTION_NAME], sizeof(name));
	else
		strcpy(name, "(a function without a name)");
	if (names->text && strstr(names->text, name))
		return;
	text_add(names, "%s%s", names->length ? ", " : "", name);
}

/* How many hooks one dump holds, or -errno. */
static int hook_receive(int fd, struct text *names)
{
	union {
		struct nlmsghdr h;
		char bytes[16384];
	} buffer;
	int n = 0;

	for (;;) {
		ssize_t got = recv(fd, &buffer, sizeof(buffer), 0);
		int left = (int)got;

		if (got < 0)
			return -errno;
		for (struct nlmsghdr *h = &buffer.h; nlmsg_ok(h, left);
		     h = nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = nlmsg_data(h);

			if (h->nlmsg_type == NLMSG_ERROR)
				return e->error;
			if (h->nlmsg_type == NLMSG_DONE)
				return n;
			n++;
			hook_name(h, names);
		}
	}
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

/* Where the kernel has no list of hooks, the tables that register them. */
static int hooks_unlisted(int nsfd, const char *why, struct text *names,
			  struct error *err)
{
	int n = namespace_call(nsfd, hooks_tables, names, err);

	if (n)
		return n;
	return error_say(err, EOPNOTSUPP, "%s; nftables and xtables have none", why);
}

int netns_hooks(const char *name, struct text *names, struct error *err)
{
	static const int families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	_cleanup_close_ int nsfd = namespace_open(name, err);
	_cleanup_close_ int fd = -1;
	struct timeval limit = { .tv_sec = 2 };
	int n = 0, r;

	if (nsfd < 0)
		return nsfd;
	fd = namespace_socket(nsfd, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, err);
	if (fd < 0)
		return hooks_unlisted(nsfd, "the kernel has no nfnetlink", names, err);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	for (unsigned int i = 0; i < 2 * HOOKS_NUMBERS; i++) {
		r = hook_send(fd, families[i / HOOKS_NUMBERS], i % HOOKS_NUMBERS);
		if (!r)
			r = hook_receive(fd, names);
		if (r == -EINVAL || r == -EOPNOTSUPP)
			return hooks_unlisted(nsfd,
					      "the kernel lacks "
					      "CONFIG_NETFILTER_NETLINK_HOOK (5.14)",
					      names, err);
		if (r < 0)
			return error_set(err, -r, "list the netfilter hooks of '%s'",
					 name);
		n += r;
	}
	return n;
}
