#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mirred-units.sh: the unit tests that other kernels skip, in the guest: its kernel has
# flower, matchall and act_vlan, and its NIC a VLAN filter that is fixed. With --full also
# what any kernel runs.
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." || exit 1
modprobe -a virtio_net veth bonding cls_flower cls_matchall cls_bpf act_vlan act_mirred \
	sch_ingress
ip link set eth0 up # the first time ever gives it its default qdisc, for good
ip link set eth0 down
status=0
[[ ${HAPEP_TEST_FULL:-} ]] || export TEST_ONLY='*(mirred)'
for program in tc_path tc_state nic; do
	TEST_NIC=eth0 CMOCKA_MESSAGE_OUTPUT=tap "${BUILD:-.build}/tests/unit/test_$program" 2>&1 |
		sed -E 's/^(not )?ok [0-9]+ # SKIP (.*)/skip \2: even in the guest/
			s/^((not )?ok) [0-9]+ - /\1 /'
	((PIPESTATUS[0] == 0)) || status=1
done
exit "$status"
