#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# haproxy.reuse = yes: which requests share a connection to a server, and which do not;
# what becomes of idle ones.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/witness.sh
. "$tests/witness.sh"

http=(haproxy.mode=http haproxy.source=clientip haproxy.reuse=yes)

# Connections that the server holds open, by its kernel.
at_server() {
	server ss -tnH state established '( sport = :80 )' | wc -l
}

fetch() {
	client curl -sf -m $((10 * patience)) -o /dev/null "$(url 4 /8k)" &&
		client curl -sf -m $((10 * patience)) -o /dev/null "$(url 6 /8k)"
}

reused() {
	blade "$hapep" status --json | jq '[.instances[].reused] | add'
}

one_haproxy() {
	(($(instances | wc -l) == 1))
}

lab_begin
client sysctl -qw net.ipv4.ip_local_port_range='10000 65535'
configure lab.conf "${http[@]}" service.ports=80,8080 haproxy.processes=1
blade_up
peer reuse
peer hostile

# ---- nginx, idle connections, and who ends them -----------------------------------------

lab origin start >/dev/null
check "a request of each family" fetch
expect "two idle connections at the server" 2 "$(at_server)"
before=$(reused)
check "and two more" fetch
expect "status tells that those went on a kept connection" 2 $(($(reused) - before))
former=$(instances)
configure lab.conf "${http[@]}" service.ports=80,8080 haproxy.processes=1 timeouts.idle=30m
check "another generation" blade "$hapep" up --quiet --config "$conf"
check "the former one leaves, its idle connections or not" until_true 5 one_haproxy
check "it is another process" test "$(instances)" != "$former"
check "two requests more" fetch
check "and are two idle connections again" test "$(at_server)" -ge 1
began=$EPOCHREALTIME
check "down" blade_down
took=$(jq -n "$EPOCHREALTIME - $began < 3 * $patience")
expect "within seconds, idle connections or not" true "$took"
none_at_server() { (($(at_server) == 0)); }
check "the server holds none" until_true 5 none_at_server
test_end
