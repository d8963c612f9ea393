/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the state directory of a blade. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/state.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "netns/netns.h"

#define STATE_PIDFILE    "supervisor.pid"
#define STATE_LOCK_OWNER "lock"
#define STATE_LEAVING    "leaving"

int state_name_check(const char *name, struct error *err)
{
	size_t n = strlen(name);

	if (!n || n > NETNS_NAME_MAX || name[0] == '-')
		goto bad;
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && *p != '-')
			goto bad;
	}
	return 0;
bad:
	return error_say(err, EINVAL,
			 "--name: expected 1 to %d letters, digits or '-', got '%.60s'",
			 NETNS_NAME_MAX, name);
}

static int state_make(const char *path, mode_t mode, struct error *err)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return error_set(err, errno, "make %s", path);
	return 0;
}

/* flock, and make sure that what was locked is still the directory of that name. */
static int state_lock(int fd, const char *path, struct error *err)
{
	struct stat held, named;
	_cleanup_free_ char *owner = NULL;
	struct error ignored;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return error_set(err, errno, "lock %s", path);
		if (state_read(fd, STATE_LOCK_OWNER, &owner, &ignored) < 0)
			owner = memory_strdup("?");
		return error_say(err, EBUSY,
				 "another hapep (pid %s) is working on this blade; wait "
				 "until it is done",
				 owner);
	}
	if (fstat(fd, &held) < 0 || stat(path, &named) < 0 || held.st_ino != named.st_ino)
		return -EAGAIN;
	return 0;
}

static int state_open_once(const char *path, bool create, bool locked, struct error *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *owner = NULL;
	int r;

	if (create) {
		r = state_make(STATE_ROOT, 0755, err);
		if (!r)
			r = state_make(path, 0700, err);
		if (r < 0)
			return r;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT && create ? -EAGAIN
						 : error_set(err, errno, "open %s", path);
	if (!locked)
		return take_fd(fd);
	r = state_lock(fd, path, err);
	if (r < 0)
		return r;
	owner = memory_printf("%d", (int)getpid());
	/* Only for the message to others: a full disk must not keep a blade up. */
	state_write(fd, STATE_LOCK_OWNER, owner, &(struct error){ 0 });
	return take_fd(fd);
}

int state_open(const char *name, bool create, bool locked, struct error *err)
{
	_cleanup_free_ char *path = memory_printf(STATE_ROOT "/%s", name);
	int r = -EAGAIN;

	/* Another hapep may remove the directory between our open and our lock. */
	for (int i = 0; i < 20 && r == -EAGAIN; i++)
		r = state_open_once(path, create, locked, err);
	if (r == -EAGAIN)
		return error_say(err, EAGAIN, "%s comes and goes: try again", path);
	return r;
}

static int state_empty(int dirfd, struct error *err)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	int r = 0;

	if (!d)
		return error_set(err, errno, "list the state directory");
	while (!r && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (unlinkat(dirfd, e->d_name, 0) < 0 &&
		    unlinkat(dirfd, e->d_name, AT_REMOVEDIR) < 0)
			r = error_set(err, errno, "remove " STATE_ROOT "/.../%s",
				      e->d_name);
	}
	closedir(d);
	return r;
}

int state_remove(const char *name, int dirfd, struct error *err)
{
	_cleanup_free_ char *path = memory_printf(STATE_ROOT "/%s", name);
	int r = state_empty(dirfd, err);

	if (r < 0)
		return r;
	if (rmdir(path) < 0 && errno != ENOENT)
		return error_set(err, errno, "remove %s", path);
	rmdir(STATE_ROOT); /* stays while another blade is in it */
	return 0;
}

int state_write(int dirfd, const char *file, const char *text, struct error *err)
{
	_cleanup_free_ char *new = memory_printf("%s.new", file);
	_cleanup_close_ int fd = -1;
	size_t n = strlen(text);

	fd = openat(dirfd, new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "write state file '%s'", file);
	if (write(fd, text, n) != (ssize_t)n)
		return error_set(err, errno ? errno : ENOSPC, "write state file '%s'",
				 file);
	if (renameat(dirfd, new, dirfd, file) < 0)
		return error_set(err, errno, "replace state file '%s'", file);
	return 0;
}

int state_read(int dirfd, const char *file, char **out, struct error *err)
{
	_cleanup_close_ int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return error_set(err, errno, "open state file '%s'", file);
	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "read state file '%s'", file);
	text = memory_new((size_t)st.st_size + 1, 1);
	n = read(fd, text, (size_t)st.st_size);
	if (n < 0)
		return error_set(err, errno, "read state file '%s'", file);
	text[n] = '\0';
	*out = take_ptr(text);
	return 0;
}

void state_journal_mend(const char *name, struct text *out)
{
	text_add(out,
		 "cp " STATE_ROOT "/%s/journal /root/ && $EDITOR " STATE_ROOT
		 "/%s/journal: delete that line, then hapep down --name %s; what the "
		 "line told of has to be put back by hand",
		 name, name, name);
}

int state_journal(const char *name, int dirfd, bool create, struct journal **out,
		  struct error *err)
{
	_cleanup_text_ struct text mend = { 0 };
	struct error why = { 0 };
	int r = journal_open(dirfd, create, out, &why);

	if (r != -EBADMSG) {
		if (r < 0)
			*err = why;
		return r;
	}
	state_journal_mend(name, &mend);
	return error_say(err, EBADMSG,
			 STATE_ROOT
			 "/%s/journal: %.512s, so that nothing of blade '%s' is "
			 "changed; to mend it: %s",
			 name, why.msg, name, mend.text);
}

int state_leaving_read(const char *name, struct ports *out, struct error *err)
{
	struct error none = { 0 };
	_cleanup_close_ int dirfd = state_open(name, false, false, &none);
	_cleanup_free_ char *text = NULL;
	int r = dirfd < 0 ? dirfd : state_read(dirfd, STATE_LEAVING, &text, &none);

	*out = (struct ports){ .n = 0 };
	/* Who may not look is shown what a blade that is down would be. */
	if (r == -ENOENT || r == -EACCES)
		return 0;
	if (r < 0)
		return error_say(err, -r, "%s", none.msg);
	return ports_parse(text, out, err);
}

int state_leaving_write(int dirfd, const struct ports *ports, struct error *err)
{
	char text[PORTS_TEXT_SIZE];

	if (ports->n)
		return state_write(dirfd, STATE_LEAVING,
				   ports_format(ports, text, sizeof(text)), err);
	if (unlinkat(dirfd, STATE_LEAVING, 0) < 0 && errno != ENOENT)
		return error_set(err, errno, "remove state file '" STATE_LEAVING "'");
	return 0;
}

int state_supervisor_hold(int dirfd, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char pid[16];
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	fd = openat(dirfd, STATE_PIDFILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "open the supervisor's pid file");
	if (fcntl(fd, F_SETLK, &lock) < 0)
		return error_set(err, errno, "lock the supervisor's pid file");
	if (ftruncate(fd, 0) < 0 || write(fd, pid, (size_t)n) != n)
		return error_set(err, errno, "write the supervisor's pid file");
	return take_fd(fd);
}

pid_t state_supervisor(int dirfd)
{
	_cleanup_close_ int fd = openat(dirfd, STATE_PIDFILE, O_RDWR | O_CLOEXEC);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}
