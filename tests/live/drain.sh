#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `hapep drain` and `undrain`: new connections past the proxy and back, both families, and
# no byte of what is under way lost, be it proxied or forwarded.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/probes.sh
. "$tests/probes.sh"

drain() { blade "$hapep" drain --quiet "$@"; }
undrain() { blade "$hapep" undrain --quiet; }
sockets() { blade ip netns exec pep0 ss -Htn state established '( sport = :80 )' | wc -l; }

# All of ten connections to each family go that way.
all_go() { # NAME WAY
	local address
	for address in "$server4" "$server6"; do
		client python3 "$tests/live/prober.py" "$address" 80 30 0.3 >"$scratch/probes"
		expect "$1: to $address" "$2 ok" \
			"$(grep -v '^#' "$scratch/probes" | cut -d' ' -f3,4 | sort -u)"
	done
}

lab_begin
conf=$lab_conf
lab origin start >/dev/null
blade "$hapep" drain >"$scratch/out" 2>&1
expect "drain of nothing: exit 1" 1 $?
check "and it says why" grep -q "'pep0' is not up" "$scratch/out"
check "up" up
all_go "at first: proxied" proxied

transfers_begin
expect "two transfers are proxied" 2 "$(sockets)"
blade "$hapep" drain --timeout 300ms >"$scratch/out" 2>&1
expect "a limit too short: exit 1" 1 $?
check "and it says how many are left" grep -q '2 proxied connections are left' "$scratch/out"
expect "it is drained all the same" drained "$(status .gate.state)"
expect "which is not degraded" 0 "$(blade "$hapep" status >/dev/null; echo $?)"
all_go "drained: past the proxy" forwarded
expect "what was proxied still is" 2 "$(sockets)"
kill -CONT "${transfer_pids[@]}"
check "drain waits for it" drain --timeout 30s
expect "until nothing is left" 0 "$(sockets)"
transfers_end proxied

check "up again" up
expect "and it stays drained" drained "$(status .gate.state)"
kill -KILL "$(status .supervisor_pid)"
sleep 0.3
check "another supervisor" up
expect "and it stays drained" drained "$(status .gate.state)"
all_go "drained still: past the proxy" forwarded

transfers_begin
expect "two transfers are not proxied" 0 "$(sockets)"
check "undrain" undrain
expect "the gate is open" open "$(status .gate.state)"
all_go "undrained: proxied" proxied
check "the forwarded ones go on" kill -0 "${long[@]}"
transfers_end forwarded
check "undrain twice" undrain

check "drain" drain
check "down" down
check "up after it" up
expect "which forgets that it was drained" open "$(status .gate.state)"
all_go "proxied" proxied

# Half-open connections and forwarded ones, with SYN cookies instead of sockets.
blade ip netns exec pep0 sysctl -qw net.ipv4.tcp_syncookies=2
all_go "SYN cookies alone: proxied" proxied
check "drain" drain
all_go "SYN cookies alone, drained: past the proxy" forwarded
check "undrain" undrain
all_go "SYN cookies alone, undrained: proxied" proxied
check "cookies were used" bash -c "
	'$tests/lab/lab' --name $LAB_NAME exec blade ip netns exec pep0 nstat -az |
		awk '/SyncookiesRecv/ { n = \$2 } END { exit n < 20 }'"

down
sed 's/^ports = 80/&\nfail = closed/' "$conf" >"$scratch/conf"
conf=$scratch/conf
check "up with fail = closed" up
check "it can be drained as well" drain
all_go "fail = closed, drained: past the proxy" forwarded
transfers_begin
check "undrain" undrain
all_go "fail = closed, undrained: proxied" proxied
transfers_end closed
test_end
