#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs tests/vm/paper-path.sh on Debian's stock kernel, in the virtual blade.
# About two minutes on two idle cores.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=tests/lib.sh
. "$here/../lib.sh"

"$here/paper-blade" --timing --timeout 1800 env BUILD="$BUILD" "$here/paper-path.sh"
status=$?
((status <= 1)) || not_ok paper-path "the virtual blade ended with status $status"
exit $status
