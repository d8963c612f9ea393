/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A NIC's offload features by the name that `ethtool -k` gives them. */
#ifndef HELPERS_NIC_FEATURE_H
#define HELPERS_NIC_FEATURE_H

#include <stdbool.h>

#include "helpers/error.h"

struct feature {
	bool known;      /* the kernel has a feature of this name */
	bool active;     /* on now */
	bool requested;  /* somebody wants it on (`ethtool -k` says "[requested on]") */
	bool changeable; /* not "[fixed]" */
};

/* Reads a feature of a NIC in the caller's namespace. */
int feature_read(const char *nic, const char *feature, struct feature *out,
		 struct error *err);
/* Asks for it on or off; -EOPNOTSUPP where the driver keeps it as it was. */
int feature_set(const char *nic, const char *feature, bool on, struct error *err);

/* One ethtool request; argument is a struct of linux/ethtool.h, its cmd set. 0/-errno. */
int feature_ioctl(const char *nic, void *argument);

#endif
