/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becoming another value of a key does to a blade in service. */
#ifndef DEPLOY_EFFECT_H
#define DEPLOY_EFFECT_H

#include <stdbool.h>

#include "deploy/config.h"

/*
 * One clause for people; *interrupts: packets are lost, or connections, while it is
 * changed. queues: the change as a whole sets the interfaces' queues anew, as it may
 * where these follow from the key. NULL: the table has no such key, which a test rules
 * out.
 */
const char *effect_of(const struct config_change *change, bool queues, bool *interrupts);

#endif
