#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mirred-live.sh: live tests on the mirred datapath, in the guest: its kernel has flower,
# matchall and act_vlan. A machine under emulation gets more patience.
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." || exit 1
export HAPEP_DATAPATH=mirred HAPEP_PATIENCE=10
modprobe -a veth cls_flower cls_matchall cls_bpf act_vlan act_mirred sch_ingress
status=0
for test in "$@"; do
	"$test" || status=1
done
exit "$status"
