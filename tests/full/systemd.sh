#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The installed unit under a real systemd, in the virtual blade with the paper's NICs.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

scratch=$(mktemp -d)
trap test_cleanup EXIT
make --no-print-directory -s -C "$root" BUILD="$BUILD" DESTDIR="$scratch/root" \
	PREFIX=/usr install >"$scratch/out" 2>&1 || { not_ok "make install" "$(cat "$scratch/out")"; test_end; }
"$tests/vm/paper-blade" --systemd --topology 1x2x1 --memory 2048 --timeout 1800 \
	env BUILD="$BUILD" "$tests/vm/systemd.sh" "$scratch/root"
status=$?
((status <= 1)) || not_ok systemd "the virtual blade ended with status $status"
((status == 0)) || failed=1
test_end
