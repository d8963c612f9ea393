#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Placements for machines that are not here: as in placement/*.txt and *.json.
# placement.sh --write makes them anew, to be read before they are committed.
set -uo pipefail

cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." || exit 1
BUILD=${BUILD:-$PWD/.build}
golden=tests/golden/placement
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
wanted=$golden
[[ ${1:-} != --write ]] || wanted=

# The paper's blade: 2 sockets of 14 cores of 2 threads; threads n and n + 28 are one core.
paper='synthetic:pack:2 [numa] l3:1 core:14 pu:2(indexes=core)'
# An EPYC of the second generation set to four nodes a socket.
nps4='synthetic:pack:2 group:4 [numa] l3:2 core:4 pu:2(indexes=core)'
# A cloud instance: one node, hyper-threads side by side.
cloud='synthetic:pack:1 [numa] l3:1 core:8 pu:2'
small='synthetic:pack:1 [numa] core:2 pu:1'
single='synthetic:pack:2 [numa] l3:1 core:14 pu:1'

# config CLIENT_NIC SERVER_NIC [LINE...]: lines are "section key = value".
config() {
	local client=$1 server=$2 line section
	shift 2
	printf '[client]\nnic = %s\nvlan = 100\naddress = 10.1.0.2/24\ngateway = 10.1.0.1\n' \
		"$client"
	printf '[server]\nnic = %s\nvlan = 200\naddress = 10.2.0.2/24\ngateway = 10.2.0.1\n' \
		"$server"
	for section in service haproxy placement; do
		echo "[$section]"
		for line; do
			[[ $line != "$section "* ]] || echo "${line#* }"
		done
	done
}

# same NAME FORMAT STATUS WORD...
same() {
	local name=$1.$2 status=$3 options=()
	[[ $2 == txt ]] || options=(--json)
	shift 3
	"$BUILD/hapep" rss --config "$scratch/conf" "${options[@]}" "$@" \
		>"$scratch/$name" 2>"$scratch/why"
	if (($? != status)); then
		echo "not ok $name: expected status $status, it says $(<"$scratch/why")"
	elif [[ ! $wanted ]]; then
		cp "$scratch/$name" "$golden/$name"
		echo "ok $name is written"
	elif diff -u "$golden/$name" "$scratch/$name"; then
		echo "ok $name is as expected"
	else
		echo "not ok $name: differs, see above"
	fi
}

# plan NAME TOPOLOGY NODES QUEUES [LINE...]
plan() {
	local name=$1 options=(--topology "$2")
	[[ ! $3 ]] || options+=(--nic-node "$3")
	[[ ! $4 ]] || options+=(--nic-queues "$4")
	shift 4
	config "${client:-eth0}" "${server:-eth0}" "$@" >"$scratch/conf"
	same "$name" txt 0 plan "${options[@]}"
	same "$name" json 0 plan "${options[@]}"
}

plan paper "$paper" 0 '' 'haproxy processes = 20'
plan paper-node-1 "$paper" 1 '' 'haproxy processes = 20'
plan paper-auto "$paper" 0 64
plan paper-spread "$paper" 0 '' 'haproxy processes = 20' 'placement numa = spread' \
	'haproxy accept = cpu'
plan paper-one-thread "$paper" 0 '' 'placement smt = no'
plan paper-baseline "$paper" 0 '' 'placement queues = 12' 'haproxy processes = 12'
plan paper-crowded "$paper" 0 '' 'haproxy processes = 32' 'haproxy accept = cpu'
plan paper-few-queues "$paper" 0 4 'haproxy processes = 20' 'placement queues = 8'
plan paper-named "$paper" 0 '' 'haproxy cpus = 14-17' 'placement queue_cpus = 0-3'
plan paper-no-node "$paper" -1 ''
client=eth0 server=eth1 plan paper-two-nics "$paper" 0,1 16 'haproxy processes = 20'
plan paper-asymmetric "$paper" 0 '' 'placement rss = asymmetric'
plan paper-off "$paper" 0 '' 'placement rss = off' 'haproxy processes = 20'
plan smt-off "$single" 0 '' 'haproxy processes = 20'
plan cloud "$cloud" -1 8
plan two-cpus "$small" -1 2
plan two-cpus-no-rss "$small" -1 0
plan nps4 "$nps4" 2 ''
plan nps4-crowded "$nps4" 2 '' 'haproxy processes = 20'
plan nps4-spread "$nps4" 2 '' 'placement numa = spread' 'haproxy processes = 16'
# Two nodes with an interface each; CPU 2 and 10 isolated, 3 in nohz_full, 7 outside the
# cpuset, 11 offline.
client=ens1f0 server=ens1f0 plan limited-node-0 "$golden/limited.xml" '' ''
client=ens2f0 server=ens2f0 plan limited-node-1 "$golden/limited.xml" '' ''
client=ens1f0 server=ens1f0 plan limited-named "$golden/limited.xml" '' '' \
	'haproxy cpus = 2,10,0'

# The paper's blade, asked about flows by what ethtool -x says of a NIC: with Microsoft's
# key, whose vectors these are, and with the symmetric one.
flow() { # NAME STATUS WORD...
	same "$1" txt "$2" "${@:3}" "${key[@]}"
	same "$1" json "$2" "${@:3}" "${key[@]}"
}

config eth0 eth0 'service ports = 80,1766' 'haproxy accept = cpu' 'haproxy processes = 20' \
	>"$scratch/conf"
for kind in random symmetric; do
	key=(--topology "$paper" --nic-node 0 --nic-rss "$golden/$kind.ethtool")
	different=$(($([[ $kind == random ]]; echo $?) == 0))
	flow "queue-$kind-4" "$different" queue 66.9.149.187:2794 161.142.100.80:1766
	flow "queue-$kind-6" "$different" queue '[3ffe:2501:200:1fff::7]:2794' \
		'[3ffe:2501:200:3::1]:1766'
	flow "check-$kind" "$different" check
done

# What a plan must say no to, and why.
refused() { # WORDS OPTION...
	local words=$1 output
	shift
	if output=$("$BUILD/hapep" rss plan --config "$scratch/conf" "$@" 2>&1); then
		echo "not ok refused, $words: it made a plan"
	elif [[ $output == *"$words"* ]]; then
		echo "ok refused: $words"
	else
		echo "not ok refused, $words: it says $output"
	fi
}

config eth0 eth0 'haproxy cpus = 0,7' >"$scratch/conf"
refused "haproxy.cpus: CPU 7 is offline or outside" --topology "$golden/limited.xml"
config eth0 eth0 'placement queue_cpus = 0,11' >"$scratch/conf"
refused "placement.queue_cpus: CPU 11 is offline" --topology "$golden/limited.xml"
config eth0 eth0 >"$scratch/conf"
refused "no synthetic description" --topology 'synthetic:nonsense'
refused "lstopo FILE.xml" --topology "$scratch/conf"
refused "No such file" --topology "$scratch/absent.xml"
refused "--nic-node" --topology "$small" --nic-node x
refused "--nic-queues" --topology "$small" --nic-queues 999
refused "ethtool -x" --topology "$small" --nic-rss "$scratch/conf"
