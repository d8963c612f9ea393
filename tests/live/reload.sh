#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `hapep up` with another configuration under load: each key's change is made, by the
# witness of ss, ip, nft and the rendered files, and no connection is lost by it.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

inside() { blade ip netns exec pep0 "$@"; }
status() { blade "$hapep" status --json; }
up() { blade "$hapep" up --config "$conf" "$@"; }
instances() { status | jq -r '.instances[].pid' | sort; }

# "up", or what is not as it should be.
health() {
	status | jq -c 'if .state == "up" then .state else [.reason,
		.gate, (.steps[] | select(.state != "present")),
		(.instances[] | select(.answers | not))] end' | tr -d '"'
}
is_up() { [[ $(health) == up ]]; }

haproxies() {
	local pid
	for pid in $(blade ip netns pids pep0); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != haproxy ]] || echo "$pid"
	done | sort
}

set_key() { # SECTION KEY VALUE, in the configuration
	sed -i -e "/^\[$1\]/,/^\[/{/^$2 =/d}" "$conf"
	grep -q "^\[$1\]" "$conf" || printf '[%s]\n' "$1" >>"$conf"
	sed -i "s/^\[$1\]/&\n$2 = $3/" "$conf"
}

# reload SECTION KEY VALUE: dry run, up, and that the traffic goes on.
reload() {
	local what="$1.$2 = $3" before
	traffic_lasts long 60
	before=$(instances)
	set_key "$@"
	up --dry-run >"$scratch/dry" 2>&1
	check "$what: a dry run tells of no interruption" \
		grep -q "^$1\.$2 = .* -> .*; no interruption$" "$scratch/dry"
	check "$what: up" up --quiet || return
	until_true 10 is_up # a busy machine may be late to answer
	expect "$what: status" up "$(health)"
	same=$(comm -12 <(echo "$before") <(instances))
	check "$what: the load goes on" traffic_runs short
}

renewed() { # WHAT
	expect "$1: other instances" "" "$same"
}

rendered() { # WHAT PATTERN: in every present instance's configuration
	local files
	files=$(blade bash -c 'ls /run/hapep/pep0/haproxy.[0-9]*.cfg | grep -E "haproxy\.[0-9]+\.cfg"')
	# shellcheck disable=SC2086 # several
	expect "$1: in what HAProxy reads" "$(wc -w <<<"$files")" \
		"$(blade grep -lE "$2" $files | wc -l)"
}

accepted() { status | jq '[.instances[].accepted // 0] | add'; }

sockets() { # PORT
	inside ss -Htn state established "( sport = :$1 )" | wc -l
}
are_sockets() { [[ $(sockets "$1") == "$2" ]]; }

proxied() { # PORT: how many of two connections, one of each family, have a socket
	local family fetches=()
	for family in 4 6; do # longer than a slow machine takes to look
		client curl -sf -m $((20 * patience)) -o /dev/null "$(url "$family" /slow/1m "$1")" &
		fetches+=($!)
	done
	until_true 3 are_sockets "$1" 2
	sockets "$1"
	kill "${fetches[@]}" 2>/dev/null
	wait
}

lab_begin
# shellcheck source=tests/traffic.sh
. "$tests/traffic.sh"
conf=$scratch/reload.conf
cp "$lab_conf" "$conf"
lab origin start --port 80,8080,9000 >/dev/null
check "up" up --quiet
datapath_is

# ---- nothing changed ------------------------------------------------------------------

journal=$(blade cat /run/hapep/pep0/journal)
pids=$(blade ip netns pids pep0 | sort)
up 2>"$scratch/out"
expect "up with nothing changed: exit 0" 0 $?
check "it says so" grep -q 'nothing differs, nothing changed' "$scratch/out"
expect "the same processes" "$pids" "$(blade ip netns pids pep0 | sort)"
expect "the same journal" "$journal" "$(blade cat /run/hapep/pep0/journal)"
check "a dry run says so" bash -c "
	'$tests/lab/lab' --name $LAB_NAME exec blade '$hapep' up --dry-run --config '$conf' |
		grep -q 'nothing differs'"

# ---- each key, under load -------------------------------------------------------------

resets=$(traffic_resets)
traffic_short short 24

reload timeouts idle 30m
renewed timeouts.idle
rendered timeouts.idle 'timeout client +1800000ms'

reload haproxy splice off
rendered haproxy.splice 'mode tcp'

reload haproxy scheduling batch
renewed haproxy.scheduling
expect "haproxy.scheduling: by the kernel" "SCHED_BATCH SCHED_BATCH" \
	"$(instances | xargs -n 1 chrt -p | awk '/policy/ { print $NF }' | xargs)"

reload haproxy processes 3
expect "haproxy.processes: by the kernel" 3 "$(instances | wc -l)"

reload haproxy accept cpu
renewed haproxy.accept

reload client congestion reno
expect "client.congestion: no other instances" "$(instances)" "$same"
check "client.congestion: by ip route" grep -q 'congctl reno' <<<"$(inside ip route show default)"
client curl -sf -m $((20 * patience)) -o /dev/null "$(url 4 /slow/64k)" &
accepted_with() { # GREP OPTION...: some accepted socket's words
	inside ss -OHtin state established '( sport = :80 )' | grep "$@" >/dev/null
}
check "client.congestion: a new connection has it, by ss" until_true 5 accepted_with ' reno '
check "client.congestion: an open one keeps what it had" accepted_with -v ' reno '
wait %% 2>/dev/null

reload client initcwnd 20
check "client.initcwnd: by ip route" grep -q 'initcwnd 20' <<<"$(inside ip route show default)"

traffic_long leaving 20 8080 # past the proxy, until 8080 is the service's
reload service ports '80, 8080'
expect "service.ports: 8080 is proxied, both families" 2 "$(proxied 8080)"
check "service.ports: what was forwarded on it goes on" traffic_runs leaving
traffic_long proxied 20 8080
reload service ports '80, 9000'
expect "service.ports: 9000 is proxied" 2 "$(proxied 9000)"
expect "service.ports: no rule of 8080 is left, by ip rule" 0 \
	"$(inside ip -j rule | jq '[.[] | select(.dport == 8080)] | length')"
check "service.ports: what is proxied on 8080 goes on" traffic_runs proxied
expect "service.ports: status tells of them" 8080 "$(status | jq -r .leaving_ports)"
expect "service.ports: 20 sockets of it, by ss" 20 "$(sockets 8080)"
check "service.ports: new connections to 8080 pass by, both families" bash -c "
	curl() { '$tests/lab/lab' --name $LAB_NAME exec client curl -sf -m $((5 * patience)) -o /dev/null \"\$1\"; }
	curl '$(url 4 /1m 8080)' && curl '$(url 6 /1m 8080)'"
expect "service.ports: and have no socket" 20 "$(sockets 8080)"

reload server mtu 1450
expect "server.mtu: by ip link" 1450 "$(inside ip -j link show server | jq '.[0].mtu')"

reload blade scenario NF-IPT
reload blade engine iptables
expect "blade.engine: no table of nft's" "" "$(inside nft list tables | grep 'inet hapep')"

reload haproxy model threads
expect "haproxy.model: one instance, by the kernel" 1 "$(instances | wc -l)"

reload haproxy source clientip
renewed haproxy.source

reload haproxy mode http
renewed haproxy.mode
rendered haproxy.mode 'mode http'

reload haproxy reuse yes
renewed haproxy.reuse
rendered haproxy.reuse 'http-reuse always'

reload haproxy http_ports 9000
renewed haproxy.http_ports
rendered haproxy.http_ports 'switch-mode http'

traffic_stop short
traffic_verdict short "short connections" $((5000 / patience))
traffic_lasted long "long transfers" 60
datapath_is
traffic_verdict leaving "transfers that were forwarded on a port that was added" 20
traffic_verdict proxied "transfers that were proxied on a port that was taken out" 20
expect "no RST reached a client, by its kernel" "$resets" "$(traffic_resets)"
gone() { [[ $(haproxies) == "$(instances)" ]]; }
until_true 15 gone
expect "instances without connections have left" "$(instances)" "$(haproxies)"

no_leaving() { [[ $(status | jq -r '.leaving_ports // ""') == "" ]]; }
check "the ports that left are forgotten with them" until_true 10 no_leaving
expect "which is no difference" up "$(status | jq -r .state)"

# ---- back, in one go, and what interrupts ---------------------------------------------

cp "$lab_conf" "$conf"
up --quiet
is=$(status | jq -r .datapath) other=mirred
[[ $is != mirred ]] || other=bpf
sed -i "s/^datapath = .*/datapath = $other/; s/10\.1\.0\.2/10.1.0.7/" "$conf"
up --dry-run >"$scratch/dry" 2>&1
if grep -q '^blade.datapath' "$scratch/dry"; then
	check "a dry run says that the datapath interrupts" \
		grep -q "^blade.datapath = $is -> $other: .*; INTERRUPTS$" "$scratch/dry"
else
	skip "a dry run says that the datapath interrupts" "no $other here: $(head -n 1 "$scratch/dry")"
	sed -i "s/^datapath = .*/datapath = $is/" "$conf"
fi
client curl -sf -m $((60 * patience)) -o "$scratch/o" "$(url 4 /slow/64k)" &
up --quiet
expect "up with another address" up "$(status | jq -r .state)"
datapath_is "$(sed -n 's/^datapath = //p' "$conf")"
wait %%
expect "a transfer over it" 0 $?
check "byte for byte" cmp "$scratch/o" "$traffic_objects/64k"
expect "the address, by ip" 10.1.0.7 \
	"$(inside ip -j -4 address show dev client | jq -r '.[0].addr_info[].local')"
sed -i '/^address6\|^gateway6/d' "$conf"
up --dry-run >"$scratch/dry" 2>&1
expect "a dry run says that a family that goes interrupts" 4 \
	"$(grep -cE '^(client|server)\.(address|gateway)6 = .* -> none: ' "$scratch/dry")"
check "by its end" grep -q '^client.address6 = .*; INTERRUPTS$' "$scratch/dry"
check "up without IPv6" up --quiet
check "IPv4 is proxied" client curl -sf -m $((5 * patience)) -o /dev/null "$(url 4 /8k)"
expect "and the blade whole" up "$(status | jq -r .state)"
sed 's/10\.1\.0\.2/10.1.0.7/' "$lab_conf" >"$conf"
check "up with IPv6 again" up --quiet
datapath_is
check "IPv6 is proxied" client curl -sf -m $((5 * patience)) -o /dev/null "$(url 6 /8k)"
check "down" blade "$hapep" down --quiet
expect "nothing is left of it" "" "$(blade find /run/hapep /run/netns 2>/dev/null)"
test_end
