/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns how root's powers are taken from an instance before it runs. */
#include <cap-ng.h>
#include <errno.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "haproxy/privilege.h"
#include "haproxy/render.h"

/*
 * CAP_NET_RAW: IP_TRANSPARENT and SO_BINDTODEVICE (usesrc, interface). Ports below 1024
 * need ip_unprivileged_port_start = 0 in the namespace, not CAP_NET_BIND_SERVICE.
 * CAP_SYS_CHROOT: HAProxy's own chroot, which comes after its libraries are loaded. It
 * stays (HAProxy 2.6 drops nothing when it is not root), but an empty read-only root,
 * no descriptor to the outside and the filter without mkdir leave it without use.
 */
static const int privilege_kept[] = { CAP_NET_RAW, CAP_SYS_CHROOT };

#define PRIVILEGE_KEPT (sizeof(privilege_kept) / sizeof(privilege_kept[0]))

int privilege_user(const char *user, struct privilege *out, struct error *err)
{
	const struct passwd *pw;

	out->uid = 0;
	out->gid = 0;
	if (!*user)
		return 0;
	errno = 0;
	pw = getpwnam(user);
	if (!pw && (!errno || errno == ENOENT || errno == ESRCH))
		return error_say(err, ENOENT,
				 "there is no user '%s' for HAProxy to run as: create it "
				 "(the haproxy package has 'haproxy') or leave "
				 "haproxy.user empty",
				 user);
	if (!pw)
		return error_set(err, errno, "look up the user '%s'", user);
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	return 0;
}

/*
 * Slave, not private: a network namespace that the host unmounts must not live on in an
 * instance's copy of the mounts.
 */
int privilege_isolate(const struct privilege *p, struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return error_set(err, errno, "create the instance's mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_set(err, errno, "keep the instance's mounts to itself");
	if (p->empty_root &&
	    mount("hapep", HAPROXY_CHROOT, "tmpfs",
		  MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0555") < 0)
		return error_set(err, errno, "mount an empty root for the instance");
	return 0;
}

/* With SECBIT_NOROOT uid 0 has no more than the ambient set after the exec, either. */
static int privilege_capabilities(const struct privilege *p, struct error *err)
{
	capng_type_t sets = CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE |
			    CAPNG_BOUNDING_SET;
	int r;

	if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED) < 0)
		return error_set(err, errno, "set the instance's securebits");
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < PRIVILEGE_KEPT; i++)
		capng_update(CAPNG_ADD, sets, (unsigned int)privilege_kept[i]);
	r = capng_apply(CAPNG_SELECT_BOUNDS);
	if (!r)
		r = capng_change_id((int)p->uid, (int)p->gid, CAPNG_DROP_SUPP_GRP);
	if (r < 0)
		return error_say(err, EPERM,
				 "become uid %u with CAP_NET_RAW and CAP_SYS_CHROOT only "
				 "(libcap-ng says %d): hapep itself needs root",
				 p->uid, r);
	return 0;
}

int privilege_drop(const struct privilege *p, pid_t parent, struct error *err)
{
	int r = privilege_capabilities(p, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < PRIVILEGE_KEPT; i++) {
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, privilege_kept[i], 0, 0) <
		    0)
			return error_set(err, errno, "raise an ambient capability");
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "set no_new_privs");
	/* After the change of user, which clears it; an exec that gains nothing does not.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return error_set(err, errno, "ask to die with the supervisor");
	if (getppid() != parent)
		return error_say(err, ESRCH, "the supervisor died");
	return privilege_filter(err);
}
