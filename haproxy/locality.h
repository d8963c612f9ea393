/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the program that counts accepted connections and its reader share. */
#ifndef HAPROXY_LOCALITY_H
#define HAPROXY_LOCALITY_H

#include <linux/types.h>

/* Of one core, since the program was attached. */
struct locality_counts {
	__u64 accepted;
	__u64 local; /* of those, received on this core */
};

#endif
