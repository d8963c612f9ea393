/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a port is of a list that a program was given. */
#ifndef TC_PORTS_BPF_H
#define TC_PORTS_BPF_H

#include "tc/gate.h"

static __always_inline bool ports_have(const volatile struct gate_ports *ports, __u32 n,
				       __u16 port)
{
	for (__u32 i = 0; i < n && i < GATE_PORTS_MAX; i++) {
		if (port >= ports[i].first && port <= ports[i].last)
			return true;
	}
	return false;
}

#endif
