/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns asking the kernel for its list of a namespace's netfilter hooks. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/namespace.h"
#include "netns/hooks.h"

#define HOOK_NAME_MAX 128

struct hook_family {
	unsigned char family;
	unsigned int hooks;
	bool device; /* its hooks are each device's own */
};

/* The first must exist where any does: by its answer one knows whether there is a list.
 */
static const struct hook_family families[] = {
	{ NFPROTO_IPV4, NF_INET_NUMHOOKS, false },
	{ NFPROTO_IPV6, NF_INET_NUMHOOKS, false },
	{ NFPROTO_ARP, 3, false },
	{ NFPROTO_BRIDGE, NF_INET_NUMHOOKS, false },
	{ NFPROTO_NETDEV, NF_NETDEV_NUMHOOKS, true },
};

#define FAMILIES_KNOWN (sizeof(families) / sizeof(families[0]))

struct hook_request {
	struct nlmsghdr h;
	struct nfgenmsg family;
	struct nlattr number;
	__be32 value;
	struct nlattr device; /* only of families that have one */
	char name[IFNAMSIZ];
};

static int hook_send(int fd, int family, unsigned int number, const char *device)
{
	struct hook_request q = {
		.h = { .nlmsg_len = offsetof(struct hook_request, device),
		       .nlmsg_type = NFNL_SUBSYS_HOOK << 8 | NFNL_MSG_HOOK_GET,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.family = { .nfgen_family = (unsigned char)family,
			    .version = NFNETLINK_V0 },
		.number = { .nla_len = sizeof(struct nlattr) + sizeof(__be32),
			    .nla_type = NFNLA_HOOK_HOOKNUM },
		.value = htonl(number),
		.device = { .nla_len = sizeof(struct nlattr) + IFNAMSIZ,
			    .nla_type = NFNLA_HOOK_DEV },
	};

	if (device) {
		memcpy(q.name, device, strnlen(device, IFNAMSIZ - 1));
		q.h.nlmsg_len = sizeof(q);
	}
	return send(fd, &q, q.h.nlmsg_len, 0) < 0 ? -errno : 0;
}

static void hook_message(const struct nlmsghdr *h, struct text *names)
{
	struct nlattr *at[NFNLA_HOOK_MAX + 1];
	char name[HOOK_NAME_MAX] = "(a function without a name)";

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nfgenmsg), at,
			NFNLA_HOOK_MAX, NULL) < 0)
		return;
	if (at[NFNLA_HOOK_FUNCTION_NAME])
		nla_strlcpy(name, at[NFNLA_HOOK_FUNCTION_NAME], sizeof(name));
	hooks_name(name, names);
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
			hook_message(h, names);
		}
	}
}

static int hook_ask(int fd, const struct hook_family *f, const char *device,
		    struct text *names)
{
	int total = 0, n;

	for (unsigned int number = 0; number < f->hooks; number++) {
		n = hook_send(fd, f->family, number, device);
		if (!n)
			n = hook_receive(fd, names);
		/* A kernel without that family, or a device that has gone. */
		if ((n == -EPROTONOSUPPORT || n == -EOPNOTSUPP || n == -ENODEV) &&
		    f != families)
			continue;
		if (n < 0)
			return n;
		total += n;
	}
	return total;
}

struct hook_devices {
	struct if_nameindex *list;
};

static int hook_devices(void *arg, struct error *err)
{
	struct hook_devices *d = arg;

	d->list = if_nameindex();
	return d->list ? 0 : error_set(err, errno, "list the interfaces");
}

static int hook_ask_devices(int fd, int nsfd, const struct hook_family *f,
			    struct text *names, struct error *err)
{
	struct hook_devices devices = { 0 };
	int total = 0, n = namespace_call(nsfd, hook_devices, &devices, err);

	for (struct if_nameindex *i = devices.list; !n && i->if_index; i++) {
		n = hook_ask(fd, f, i->if_name, names);
		if (n >= 0) {
			total += n;
			n = 0;
		}
	}
	if_freenameindex(devices.list);
	return n < 0 ? n : total;
}

int hooks_list(int nsfd, struct text *names, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct timeval limit = { .tv_sec = 2 };
	int total = 0, n;

	fd = namespace_socket(nsfd, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, err);
	if (fd < 0)
		return error_say(err, EOPNOTSUPP, "the kernel has no nfnetlink");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	for (size_t i = 0; i < FAMILIES_KNOWN; i++) {
		const struct hook_family *f = &families[i];

		n = f->device ? hook_ask_devices(fd, nsfd, f, names, err)
			      : hook_ask(fd, f, NULL, names);
		if (!i && (n == -EINVAL || n == -EOPNOTSUPP))
			return error_say(err, EOPNOTSUPP,
					 "the kernel lacks "
					 "CONFIG_NETFILTER_NETLINK_HOOK (5.14)");
		if (n < 0)
			return error_set(err, -n, "list the netfilter hooks");
		total += n;
	}
	return total;
}
