#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The mirred datapath over each attachment, on Debian's stock kernel in the virtual blade.
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
"$here/vm" --topology 1x2x1 --memory 2048 --timeout 1800 "$here/mirred-layouts.sh"
status=$?
((status <= 1)) || echo "not ok mirred: the virtual blade ended with status $status"
exit $status
