/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A filter as a netlink message, by libnl-route where it knows the kind. */
#ifndef TC_MESSAGE_H
#define TC_MESSAGE_H

#include <netlink/msg.h>

#include "tc/filter.h"
#include "tc/seen.h"

/* Each message is the caller's (netlink_send takes it). flags: NLM_F_* */

/* Flower or matchall with its action. NULL: libnl-route does not take them. */
struct nl_msg *message_filter(const struct filter *f, int flags);
/* cls_bpf with a loaded program, which libnl-route knows nothing of. */
struct nl_msg *message_program(const struct filter *f, int flags, int fd);
/* The action alone, unbound (RTM_NEWACTION). NULL as above. */
struct nl_msg *message_action(const struct filter *f);
/* The classifier alone, matching something and doing nothing. */
struct nl_msg *message_bare(const struct filter *f);
/* Any request about one filter, by its key; without options. */
struct nl_msg *message_request(int type, int flags, const struct seen *key);

#endif
