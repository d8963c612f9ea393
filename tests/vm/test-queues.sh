#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# test-queues.sh: runs queues.sh on Debian's stock kernel, in the virtual blade; with
# --full every fault at every step, a quarter of an hour beside other work.
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
BUILD=${BUILD:-$(dirname "$(dirname "$here")")/.build}
"$here/vm" --topology 2x2x1 --memory 1536 --timeout "${HAPEP_TEST_FULL:+2}900" --timing \
	--nic virtio-net-pci@1:4:mq=on,rss=on,hash=on --nic e1000e@0 \
	env BUILD="$BUILD" HAPEP_TEST_FULL="${HAPEP_TEST_FULL:-}" "$here/queues.sh"
status=$?
((status <= 1)) || echo "not ok queues: the virtual blade ended with status $status"
exit $status
