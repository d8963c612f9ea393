#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TCP's manners through the proxy: closing, resetting, waiting, holding, moving bytes.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/witness.sh
. "$tests/witness.sh"

held=2000
ports=service.ports=80,7000-7049

# What a SYN carries, both ends may use: each leg's must have the options (RFC 7323, 2018).
options() { # SIDE FAMILY FLAGS KIND
	local seen name="window scaling, SACK and timestamps in the $1 side's $4, $2" option
	seen=$(tcpdump -n -r "$scratch/syn-$1.pcap" "$3" 2>/dev/null | head -n 1)
	for option in sackOK 'TS val' wscale; do
		[[ $seen == *"$option"* ]] || {
			not_ok "$name" "no $option in: ${seen:-no such packet}"
			return
		}
	done
	ok "$name"
}

handshakes() {
	local side
	capture syn-client client eth0 'tcp port 80'
	capture syn-server server eth0 'tcp port 80'
	client curl -sf -o /dev/null -o /dev/null "$(url 4 /8k)" "$(url 6 /8k)"
	capture_end
	for side in client server; do
		options "$side" IPv4 'ip and tcp[13] & 0x12 = 0x02' SYN
		options "$side" IPv4 'ip and tcp[13] & 0x12 = 0x12' SYN-ACK
		options "$side" IPv6 'ip6 and ip6[53] & 0x12 = 0x02' SYN
		options "$side" IPv6 'ip6 and ip6[53] & 0x12 = 0x12' SYN-ACK
	done
}

established() {
	inside ss -tnOH state established '( sport = :80 or dport = :80 )' | wc -l
}

# As many connections at once, each idle for a while, then each with its object.
hold() { # FAMILY SOURCES
	local name="$held connections held at once, each with its object, IPv$1" pid most=0 now
	start hold client "$load" --target "$2" --source "$3" --freebind \
		--connections "$held" --hold $((3 * patience)) --path /8k --expect-size 8192 \
		--timeout $((30 * patience))
	pid=$started
	while kill -0 "$pid" 2>/dev/null; do
		now=$(established)
		((now <= most)) || most=$now
		sleep 0.3
	done
	if ! wait "$pid"; then
		not_ok "$name" "$(tail -n 20 "$scratch/hold")"
	elif ((most < 2 * held)); then
		not_ok "$name" "the proxy had $most sockets at most, expected $((2 * held))"
	else
		ok "$name"
	fi
}

# Bytes of the longest packet that FILTER takes.
longest() { # CAPTURE FILTER
	tcpdump -n -r "$scratch/$1.pcap" "$2" 2>/dev/null |
		sed -n 's/.* length \([0-9]*\)$/\1/p' | sort -n | tail -n 1
}

# Where frames pass: a capture's name, what they are there, what it is called.
points() {
	cat <<'TABLE'
nic|ether host 02:00:00:00:01:01|the NIC, client side
inner-client|tcp|the namespace, client side
inner-server|tcp|the namespace, server side
nic|ether host 02:00:00:00:02:01|the NIC, server side
TABLE
}

# Frames as long as GSO makes them, in and out, wherever they pass.
whole() { # FAMILY SERVER
	local capture filter where name size way
	while IFS='|' read -r capture filter where; do
		for way in up:dst down:src; do
			name="64 KB frames whole at $where, ${way%:*}, IPv$1"
			size=$(longest "$capture" "$(any_tag "$filter and ${way#*:} host $2")")
			if ((${size:-0} >= 50000)); then
				ok "$name"
			else
				not_ok "$name" "the longest has ${size:-no} bytes"
			fi
		done
	done < <(points)
}

# Bulk on one connection, watched, while short ones come and go beside it.
bulk() {
	local pid short
	capture nic blade nic0 'tcp port 7047'
	capture inner-client inside client 'tcp port 7047'
	capture inner-server inside server 'tcp port 7047'
	start short client "$load" --target "$server4:80" --target "[$server6]:80" \
		--source 10.100.9.1-10.100.9.250 --source fd00:100::9:1-fd00:100::9:250 \
		--freebind --connections 8 --duration 600 --path /8k --expect-size 8192 \
		--timeout $((10 * patience)) --json
	pid=$started
	peer protocol bulk
	kill "$pid"
	wait "$pid"
	capture_end
	short=$(jq -r '"\(.transactions > 500) \(.failures.total)"' "$scratch/short")
	expect "over 500 short connections beside it, none failed" "true 0" "$short"
}

lab_begin
# Ports that the proxy listens on are a test of their own: see peers/protocol.py.
client sysctl -qw net.ipv4.ip_local_port_range='10000 65535'
lab origin start >/dev/null
configure lab.conf "$ports" client.congestion=reno server.congestion=cubic \
	client.initcwnd=40 server.initcwnd=20
blade_up
peer protocol congestion reno cubic 40 20
check "the blade is down" blade_down

configure lab.conf "$ports" client.congestion=cubic server.congestion=reno
blade_up
peer protocol congestion cubic reno 10 10
peer protocol idle >"$scratch/idle" &
idle=$!
handshakes
peer protocol manners
hold 4 "$server4:80" 10.100.1.1-10.100.1.250
hold 6 "[$server6]:80" fd00:100::1:1-fd00:100::1:250
bulk
whole 4 "$server4"
whole 6 "$server6"
wait "$idle"
cat "$scratch/idle"
test_end
