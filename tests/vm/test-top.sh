#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# test-top.sh: runs top-blade.sh on Debian's stock kernel, in the virtual blade.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=../lib.sh
. "$here/../lib.sh"

"$here/paper-blade" --topology 1x4x1 --timing --timeout 1800 env BUILD="$BUILD" \
	"$here/top-blade.sh"
status=$?
((status <= 1)) || not_ok top "the virtual blade ended with status $status"
exit $status
