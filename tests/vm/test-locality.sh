#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# test-locality.sh: runs locality.sh in the virtual blade: two nodes, the NIC on node 1;
# with --full 200 connections, also on node 0, and the paper's 56 CPUs with 28 queues.
# LOCALITY_NODES: on which nodes the NIC is to be, one after the other.
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
BUILD=${BUILD:-$(dirname "$(dirname "$here")")/.build}
status=0

# Emulated, a connection takes half a second where nothing else runs.
limit() {
	echo $((1500 + 2 * (${LOCALITY_COUNT:-100} + ${LOCALITY_CHANCE:-20} + ${LOCALITY_HASH:-0})))
}

locality() { # TOPOLOGY NODE QUEUES [VARIABLE=VALUE...]
	"$here/vm" --topology "$1" --timeout "$(limit)" --timing \
		--nic "virtio-net-pci@$2:$3:mq=on,rss=on,hash=on" \
		--nic virtio-net-pci@0 --nic virtio-net-pci@0 \
		env BUILD="$BUILD" LOCALITY_COUNT="${LOCALITY_COUNT:-}" \
		LOCALITY_CHANCE="${LOCALITY_CHANCE:-}" LOCALITY_HASH="${LOCALITY_HASH:-}" "${@:4}" "$here/locality.sh"
	local its=$?
	((its <= 1)) || echo "not ok locality: the virtual blade ended with status $its"
	((its == 0)) || status=1
}

[[ ! ${HAPEP_TEST_FULL:-} ]] || LOCALITY_COUNT=${LOCALITY_COUNT:-200}
for node in ${LOCALITY_NODES:-1}; do
	locality 2x4x1 "$node" 4
done
if [[ ${HAPEP_TEST_FULL:-} ]]; then
	locality 2x4x1 0 4
	locality 2x14x2 0 28 LOCALITY_PROCESSES=20 LOCALITY_COUNT=60 LOCALITY_CHANCE=40
fi
exit $status
