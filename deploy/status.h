/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The truth about a blade, asked of the kernel and of the instances. */
#ifndef DEPLOY_STATUS_H
#define DEPLOY_STATUS_H

#include <jansson.h>
#include <stdbool.h>

#include "helpers/error.h"

enum status_state { STATUS_UP = 0, STATUS_DEGRADED = 1, STATUS_DOWN = 3 };

/*
 * Probes every step of a group (NULL: all) and, for the proxy, every instance. wanted
 * (may be NULL): the configuration in the operator's file, to say what differs from the
 * running one. *out is the caller's. Returns an enum status_state or -errno.
 */
struct config;
int status_ask(const char *name, const struct config *wanted, const char *group,
	       json_t **out, struct error *err);

/* Writes and frees the tree of status_ask; returns state, or -errno of the output. */
int status_print(json_t *tree, int state, bool json, struct error *err);

#endif
