/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a configuration's keys must be to each other; private to deploy/config.c. */
#ifndef DEPLOY_CONFIG_CHECK_H
#define DEPLOY_CONFIG_CHECK_H

#include "deploy/config.h"

/*
 * Reports every contradiction between keys, at the line of the one to change. Keys that
 * were faulty by themselves (marks) are left out of it: each mistake is told once.
 */
void config_check(const struct config *c, const struct config_mark *marks,
		  struct config_report *report);

#endif
