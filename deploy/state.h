/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A blade's state directory, /run/hapep/NAME: its lock, journal and supervisor's pid. */
#ifndef DEPLOY_STATE_H
#define DEPLOY_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "helpers/error.h"
#include "helpers/journal.h"
#include "helpers/ports.h"
#include "helpers/text.h"

#define STATE_ROOT "/run/hapep"

/* The name of a blade: letters, digits and '-', at most NETNS_NAME_MAX characters. */
int state_name_check(const char *name, struct error *err);

/*
 * Opens /run/hapep/NAME (0700), making it where create is set; locked says that the
 * caller wants to change the blade: an exclusive lock, refused with -EBUSY and the
 * holder's pid while another hapep works on it. Returns a descriptor, the caller's;
 * the lock goes with it. -ENOENT: there is no such blade.
 */
int state_open(const char *name, bool create, bool locked, struct error *err);

/* Removes the directory and all in it, and /run/hapep where it is empty then. */
int state_remove(const char *name, int dirfd, struct error *err);

/* Replaces a file of the directory (0600) whole. */
int state_write(int dirfd, const char *file, const char *text, struct error *err);
/* Reads a file of the directory; the caller's, free() it. -ENOENT as it is. */
int state_read(int dirfd, const char *file, char **out, struct error *err);

/*
 * journal_open for the blade of that name, whose directory dirfd is: where the journal is
 * damaged (-EBADMSG), err tells the file and state_journal_mend's words too.
 */
int state_journal(const char *name, int dirfd, bool create, struct journal **out,
		  struct error *err);
/* What whoever has a damaged journal does about it. */
void state_journal_mend(const char *name, struct text *out);

/*
 * Ports that a change in service took from the service's, and whose connections end as
 * they began: kept beside the configuration until the last of those has. None, or no
 * such blade: no ports.
 */
int state_leaving_read(const char *name, struct ports *out, struct error *err);
int state_leaving_write(int dirfd, const struct ports *ports, struct error *err);

/*
 * The supervisor's pid file, held by a record lock that dies with the process, so that
 * a stale file or a reused pid cannot mislead. hold: descriptor to keep open.
 */
int state_supervisor_hold(int dirfd, struct error *err);
/* The living supervisor's pid, or 0. */
pid_t state_supervisor(int dirfd);

#endif
