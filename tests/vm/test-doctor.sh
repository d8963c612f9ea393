#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# test-doctor.sh: runs doctor-blade.sh on Debian's stock kernel, in the virtual blade.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=../lib.sh
. "$here/../lib.sh"

"$here/vm" --topology 2x4x1 --nic virtio-net-pci@1:4:mq=on,rss=on,hash=on --timing \
	--timeout 1800 env BUILD="$BUILD" "$here/doctor-blade.sh"
status=$?
((status <= 1)) || not_ok doctor "the virtual blade ended with status $status"
exit $status
