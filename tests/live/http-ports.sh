#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# haproxy.http_ports: some service ports are read as HTTP, the others carry bytes, in each
# scenario; and from one such list to another in service.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/probes.sh
. "$tests/probes.sh"
# shellcheck source=tests/witness.sh
. "$tests/witness.sh"

some=(haproxy.mode=http "service.ports=80,8080" haproxy.http_ports=80)
shared=(haproxy.source=clientip haproxy.reuse=yes)

at_server() {
	server ss -tnH state established '( sport = :8080 )' | wc -l
}

fetch_twice() { # PORT: by a connection each
	client curl -sf -m $((10 * patience)) -o /dev/null "$(url 4 /8k "$1")" &&
		client curl -sf -m $((10 * patience)) -o /dev/null "$(url 4 /8k "$1")"
}

lab_begin
client sysctl -qw net.ipv4.ip_local_port_range='10000 65535'
for way in NO-NF:nft NF-IPT:nft SK-LOOKUP:nft; do
	scenario=${way%:*}
	possible "$scenario" "${way#*:}" || continue
	# Another list first: what is told of the ports follows when it changes in service.
	configure lab.conf "blade.scenario=$scenario" haproxy.mode=http "service.ports=80,8080" \
		haproxy.http_ports=8080 haproxy.processes=1
	blade_up
	configure lab.conf "blade.scenario=$scenario" "${some[@]}" haproxy.processes=1
	check "$scenario: the other port is HTTP, in service" \
		blade "$hapep" up --quiet --config "$conf"
	check "$scenario: nothing differs" blade "$hapep" status
	echo "# $scenario, source = client"
	peer http_ports client
	configure lab.conf "blade.scenario=$scenario" "${some[@]}" "${shared[@]}" \
		haproxy.processes=1
	check "$scenario: reuse, in service" blade "$hapep" up --quiet --config "$conf"
	echo "# $scenario, reuse"
	peer http_ports clientip
	check "$scenario: down" blade_down
done

# ---- all that TCP does, beside a port that is HTTP ----------------------------------------

configure lab.conf haproxy.mode=http "service.ports=80,7000-7049,8081" haproxy.http_ports=8081
blade_up
peer protocol manners
check "down" blade_down

# ---- the other list, in service ----------------------------------------------------------

lab origin start >/dev/null
configure lab.conf "${some[@]}" "${shared[@]}" haproxy.processes=1
blade_up
check "port 8080: two transfers" fetch_twice 8080
expect "as bytes: no connection stays" 0 "$(at_server)"
configure lab.conf haproxy.mode=http "service.ports=80,8080" "haproxy.http_ports=80,8080" \
	"${shared[@]}" haproxy.processes=1
check "8080 as HTTP too, in service" blade "$hapep" up --quiet --config "$conf"
check "port 8080: two transfers more" fetch_twice 8080
expect "by one connection, which stays" 1 "$(at_server)"
check "down" blade_down
test_end
