/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the named network namespace: made, recognised, and taken away without a trace. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netlink/route/link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"
#include "helpers/namespace.h"
#include "netns/internal.h"

static const char *namespace_path(const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, NAMESPACE_DIR "/%s", name);
	return path;
}

/* True where NAMESPACE_DIR is itself a mount point, as `ip netns add` makes it. */
static bool namespace_dir_mounted(void)
{
	struct statx st;

	if (statx(AT_FDCWD, NAMESPACE_DIR, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0)
		return false;
	/* A kernel that cannot tell (before 5.8): then it stays. */
	return !(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) ||
	       st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* Opens and locks NAMESPACE_DIR; iproute2 takes the same lock. -1: there is none. */
static int namespace_dir_lock(void)
{
	_cleanup_close_ int fd = open(NAMESPACE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return -1;
	return take_fd(fd);
}

/*
 * As iproute2 has it: the directory is a shared mount, so that the namespaces mounted
 * below it are seen in, and can be unmounted from, every mount namespace.
 */
static int namespace_dir_share(struct error *err)
{
	_cleanup_close_ int lock = -1;

	if (mkdir(NAMESPACE_DIR, 0755) < 0 && errno != EEXIST)
		return error_set(err, errno, "create " NAMESPACE_DIR);
	lock = namespace_dir_lock();
	if (lock < 0)
		return error_set(err, errno, "lock " NAMESPACE_DIR);
	if (!mount("", NAMESPACE_DIR, "none", MS_SHARED | MS_REC, NULL))
		return 0;
	/* EINVAL: no mount point yet. */
	if (errno != EINVAL)
		return error_set(err, errno, "share the mount " NAMESPACE_DIR);
	if (mount(NAMESPACE_DIR, NAMESPACE_DIR, "none", MS_BIND | MS_REC, NULL) < 0)
		return error_set(err, errno, "mount " NAMESPACE_DIR " on itself");
	if (mount("", NAMESPACE_DIR, "none", MS_SHARED | MS_REC, NULL) < 0)
		return error_set(err, errno, "share the mount " NAMESPACE_DIR);
	return 0;
}

/* The file that the namespace is mounted on. An empty one of a killed run is taken. */
static int namespace_file(const char *name, struct error *err)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	struct stat st;

	fd = open(namespace_path(name, path), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (fd >= 0)
		return 0;
	if (errno != EEXIST)
		return error_set(err, errno, "create %s", path);
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size)
		return error_say(err, EEXIST,
				 "create network namespace '%s': %s is there and is no "
				 "namespace: remove it, or choose another name",
				 name, path);
	return 0;
}

/* lo up; the device group says that the namespace is hapep's. */
static int namespace_mark(struct netlink *nl, struct error *err)
{
	struct rtnl_link *lo = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int r;

	if (!lo || !change)
		abort();
	rtnl_link_set_ifindex(lo, 1);
	rtnl_link_set_group(change, NETNS_OWNER);
	rtnl_link_set_flags(change, IFF_UP);
	r = rtnl_link_change(netlink_sock(nl), lo, change, 0);
	rtnl_link_put(lo);
	rtnl_link_put(change);
	return netlink_result(nl, r, err, "bring up lo");
}

/* In a fresh namespace: marks it, and only then gives it its name. */
static int namespace_name(const char *name, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	char path[PATH_MAX];
	int r = netlink_open(-1, &nl, err);

	if (!r)
		r = namespace_mark(nl, err);
	if (r < 0)
		return r;
	if (mount("/proc/thread-self/ns/net", namespace_path(name, path), "none", MS_BIND,
		  NULL) < 0)
		return error_set(err, errno, "mount the new namespace on %s", path);
	return 0;
}

/* Goes into a new namespace, names it, and comes back: the caller stays where it was. */
static int namespace_make(const char *name, struct error *err)
{
	_cleanup_close_ int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	char path[PATH_MAX];
	int r;

	if (home < 0)
		return error_set(err, errno, "open /proc/thread-self/ns/net");
	r = namespace_file(name, err);
	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNET) < 0) {
		r = error_set(err, errno, "make a network namespace");
	} else {
		r = namespace_name(name, err);
		/* Going on in the wrong namespace would program the wrong machine. */
		if (setns(home, CLONE_NEWNET) < 0)
			abort();
	}
	if (r < 0)
		unlink(namespace_path(name, path));
	return r;
}

/* Looks at lo: 1 where the namespace is hapep's, 0 where it is not. */
static int namespace_owned(struct netlink *nl, bool *up, struct error *err)
{
	struct rtnl_link *lo = NULL;
	int r = rtnl_link_get_kernel(netlink_sock(nl), 1, NULL, &lo);

	if (r < 0)
		return netlink_result(nl, r, err, "look at lo");
	r = rtnl_link_get_group(lo) == NETNS_OWNER;
	*up = rtnl_link_get_flags(lo) & IFF_UP;
	rtnl_link_put(lo);
	return r;
}

static int namespace_foreign(const char *name, struct error *err)
{
	return error_say(
		err, EEXIST,
		"network namespace '%s' is there and is not hapep's (its lo is not "
		"in device group %d): delete it (ip netns delete %s) or choose "
		"another name",
		name, NETNS_OWNER, name);
}

int netns_create(const struct netns_plan *p, struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	bool up = false;
	int r = netns_connect_probe(p->name, &nl, err);

	if (r < 0)
		return r;
	if (!nl) {
		r = namespace_dir_share(err);
		return r < 0 ? r : namespace_make(p->name, err);
	}
	r = namespace_owned(nl, &up, err);
	if (!r)
		return namespace_foreign(p->name, err);
	return r < 0 || up ? (r < 0 ? r : 0) : namespace_mark(nl, err);
}

int netns_probe(const struct netns_plan *p, enum step_state *state, struct text *detail,
		struct error *err)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	struct netns_tally t = { .detail = detail };
	bool up = false;
	int r = netns_connect_probe(p->name, &nl, err);

	*state = STEP_ABSENT;
	if (r < 0 || !nl)
		return r;
	r = namespace_owned(nl, &up, err);
	if (r < 0)
		return r;
	if (!r)
		netns_tally_different(&t, "network namespace '%s' is not hapep's",
				      p->name);
	if (!up)
		netns_tally_different(&t, "lo is down");
	*state = netns_tally_state(&t);
	return 0;
}

void netns_describe(const struct netns_plan *p, struct text *out)
{
	text_line(out, "ip netns add %s", p->name);
	text_line(out, "ip -n %s link set lo up group %d", p->name, NETNS_OWNER);
}

/* True where path holds a namespace that is somebody else's. */
static bool namespace_is_foreign(const char *name)
{
	_cleanup_netlink_ struct netlink *nl = NULL;
	bool up;

	return !netns_connect_probe(name, &nl, NULL) && nl &&
	       !namespace_owned(nl, &up, NULL);
}

int netns_destroy(const char *name, struct error *err)
{
	char path[PATH_MAX];
	struct stat st;

	if (lstat(namespace_path(name, path), &st) < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "look at %s", path);
	if (namespace_is_foreign(name)) {
		log_warning("network namespace '%s' is not hapep's: left alone", name);
		return 0;
	}
	/* A name can be mounted upon more than once; EINVAL: no mount is left. */
	while (!umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW))
		;
	if (errno != EINVAL)
		return error_set(err, errno, "unmount %s", path);
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size)
		return 0;
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(err, errno, "remove %s", path);
	return 0;
}

int netns_record(const struct netns_plan *p, json_t **out, struct error *err)
{
	struct stat st;
	bool directory = !lstat(NAMESPACE_DIR, &st);
	json_t *record = json_pack("{s:s, s:b, s:b}", "name", p->name, "directory",
				   directory, "mounted", namespace_dir_mounted());

	if (!record)
		return error_say(err, EINVAL, "'%s' is no name of a namespace", p->name);
	*out = record;
	return 0;
}

static bool namespace_dir_empty(void)
{
	DIR *d = opendir(NAMESPACE_DIR);
	struct dirent *e;
	bool empty = true;

	while (d && empty && (e = readdir(d)))
		empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	if (d)
		closedir(d);
	return d && empty;
}

/* Takes away what namespace_dir_share made, if nobody else uses it by now. */
static int namespace_dir_undo(bool directory, bool mounted, struct error *err)
{
	_cleanup_close_ int lock = namespace_dir_lock();

	if (lock < 0 || !namespace_dir_empty())
		return 0;
	if (!mounted && umount2(NAMESPACE_DIR, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 &&
	    errno != EINVAL)
		return error_set(err, errno, "unmount " NAMESPACE_DIR);
	if (!directory && rmdir(NAMESPACE_DIR) < 0 && errno != ENOENT &&
	    errno != ENOTEMPTY)
		return error_set(err, errno, "remove " NAMESPACE_DIR);
	return 0;
}

int netns_undo(const json_t *record, struct error *err)
{
	const char *name = json_string_value(json_object_get(record, "name"));
	const json_t *directory = json_object_get(record, "directory");
	const json_t *mounted = json_object_get(record, "mounted");
	int r;

	if (!name || !json_is_boolean(directory) || !json_is_boolean(mounted))
		return error_say(err, EBADMSG,
				 "the record of the network namespace is damaged");
	r = netns_destroy(name, err);
	return r < 0 ? r
		     : namespace_dir_undo(json_is_true(directory), json_is_true(mounted),
					  err);
}
