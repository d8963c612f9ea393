/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unix sockets that have a name in a directory. */
#ifndef HELPERS_LOCAL_H
#define HELPERS_LOCAL_H

#include <sys/un.h>

#include "helpers/error.h"

/* -ENAMETOOLONG where the path does not fit. */
int local_address(struct sockaddr_un *out, const char *path, struct error *err);

/*
 * A listening socket at dirfd/name (0600), in the place of what was there; type as
 * socket(2) takes it, SOCK_CLOEXEC added. noun is what the error's sentence calls it.
 */
int local_listen(int dirfd, const char *name, int type, const char *noun,
		 struct error *err);

#endif
