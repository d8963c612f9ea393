#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The mirred datapath's unit tests, on Debian's stock kernel in the virtual blade.
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
"$here/vm" --topology 1x2x1 --memory 1024 --timeout 1800 --nic virtio-net-pci \
	env BUILD="${BUILD:-}" HAPEP_TEST_FULL="${HAPEP_TEST_FULL:-}" "$here/mirred-units.sh"
status=$?
((status <= 1)) || echo "not ok mirred units: the virtual blade ended with status $status"
exit $status
