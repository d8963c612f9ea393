#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# live.sh: live tests on one datapath, in the guest: Debian's kernel has flower, matchall
# and act_vlan. A machine under emulation gets more patience.
# Usage: live.sh DATAPATH TEST...
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." || exit 1
export HAPEP_DATAPATH=$1 HAPEP_PATIENCE=10
shift
modprobe -qa veth cls_flower cls_matchall cls_bpf act_vlan act_mirred sch_ingress
status=0
for test in "$@"; do
	echo "# $test, $HAPEP_DATAPATH, Linux $(uname -r), from $(cut -d' ' -f1 /proc/uptime) s"
	"$test" || status=1
done
exit "$status"
