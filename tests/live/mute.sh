#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A supervisor that is stopped, and whose queue of questions is full: what asks it comes
# back all the same, and says how things are.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/probes.sh
. "$tests/probes.sh"

# bounded NAME WANTED-STATUS COMMAND...: ends by itself, within ten seconds on a quiet machine.
bounded() {
	local name=$1 wanted=$2 status began=$SECONDS
	shift 2
	blade timeout -k 1 $((10 * patience)) "$hapep" "$@" >"$scratch/out" 2>"$scratch/why"
	status=$?
	expect "$name: exit $wanted" "$wanted" "$status" || sed 's/^/# /' "$scratch/why"
	echo "# $name: $((SECONDS - began)) s"
}

# Connections that nobody takes, until there is no room for one more; held until killed.
fill() {
	blade python3 - "$scratch/full" <<'PYTHON' &
import socket
import sys
import time

held = []
while True:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.setblocking(False)
    try:
        s.connect("/run/hapep/pep0/control")
    except BlockingIOError:
        break
    held.append(s)
open(sys.argv[1], "w").write(str(len(held)))
time.sleep(600)
PYTHON
	filler=$!
	until_true 10 test -s "$scratch/full" ||
		not_ok "its queue is full" "what fills it says nothing"
}

lab_begin
lab origin start >/dev/null
configure auto
check "up" up
bounded "status before" 0 status
pid=$(supervisor)
kill -STOP "$pid"
fill
bounded "status" 1 status
bounded "status --json" 1 status --json
expect "it is not up" false "$(jq '.state == "up"' "$scratch/out")"
bounded "top" 0 top --count 2 --interval 0.5
bounded "doctor" 1 doctor
kill "$filler"
wait "$filler" 2>/dev/null
kill -CONT "$pid"
check "continued: it is up" until_true 10 gate_is open
bounded "status after" 0 status
bounded "down" 0 down --quiet
test_end
