#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What policy does not send to the proxy passes the blade, whether the proxy runs or hangs.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/witness.sh
. "$tests/witness.sh"

fetch_all() { # PORT
	local family
	for family in 4 6; do
		client curl -sS -m $((20 * patience)) -o "$scratch/object" \
			"$(url "$family" /1m "$1")" || return
		[[ $(stat -c %s "$scratch/object") == 1048576 ]] || return
	done
}

# What they proxy is failopen.sh's: new connections soon pass them by.
all_stopped() {
	local pid
	for pid in $pids; do
		[[ $(cat "/proc/$pid/stat" 2>/dev/null) == *') T '* ]] || return
	done
}

lab_begin
lab origin start >/dev/null
configure lab.conf
blade_up
peer ineligible "proxy running"
check "proxy running: objects on port 8080" fetch_all 8080

pids=$(instances)
expect "the instances are found" 2 "$(wc -w <<<"$pids")"
# shellcheck disable=SC2086 # pids
kill -STOP $pids
check "proxy stopped: it is" until_true 5 all_stopped
peer ineligible "proxy stopped"
check "proxy stopped: objects on port 8080" fetch_all 8080
# shellcheck disable=SC2086 # pids
kill -CONT $pids
check "proxy goes on: objects on port 80" fetch_all 80
test_end
