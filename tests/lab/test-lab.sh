#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests the lab itself: what it promises to tests, what it withstands, what it leaves.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

export LAB_NAME=t$$
other=u$$
scratch=$(mktemp -d)
trap cleanup EXIT
trap 'exit 130' INT TERM

cleanup() {
	"$tests/lab/lab" --name "$other" down >/dev/null 2>&1
	test_cleanup
}

second() { # lab's arguments: the other lab
	"$tests/lab/lab" --name "$other" "$@"
}

# Everything on the machine that could be a lab's. Ours are the only names with our pid.
remains() {
	{
		ls -d /run/hapep-lab/[tu]$$ /run/netns/hapep-[tu]$$-*
		grep -h "hapep-[tu]$$-\|hapep-lab/[tu]$$" /proc/[0-9]*/mountinfo
		holders
	} 2>/dev/null | sort -u
}

# A namespace's id, and its cookie: the kernel gives ids again, within a second on a
# machine where others make namespaces.
identity='import os, socket
SO_NETNS_COOKIE = 71  # Linux 5.14
cookie = socket.socket().getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
print(os.readlink("/proc/self/ns/net"), cookie.hex())'

# The processes in namespaces that were the labs'; those of mounts are known by id alone.
holders() {
	local id pid
	readlink /proc/[0-9]*/ns/mnt | grep -xFf "$scratch/ids"
	find /proc/[0-9]*/ns/net -printf '%l %p\n' | sort -u -k 1,1 | while read -r id pid; do
		grep -q "^$(printf %q "$id") " "$scratch/ids" || continue
		pid=${pid#/proc/} pid=${pid%%/*}
		nsenter -t "$pid" -n python3 -c "$identity" | grep -xFf "$scratch/ids" |
			sed "s/\$/ of process $pid/"
	done
}

no_empty_directory() {
	[[ ! $(find /run/hapep-lab -maxdepth 0 -empty 2>/dev/null) ]]
}

# Remembers the lab's namespaces, for holders()
note_ids() {
	local part
	for part in client server wire blade; do
		lab exec "$part" python3 -c "$identity"
	done >>"$scratch/ids"
}

exit_status() { # COMMAND...
	"$@" >"$scratch/said" 2>&1
	echo $?
}

test_exec() {
	local part

	for part in client server blade wire; do
		expect "exec $part: exit status" 7 "$(exit_status lab exec "$part" sh -c 'exit 7')"
		expect "exec $part: standard input" in "$(echo in | lab exec "$part" cat)"
		expect "exec $part: directory" "$PWD" "$(lab exec "$part" pwd)"
		expect "exec $part: its own network" \
			"net:[$(stat -Lc %i "/run/netns/hapep-$LAB_NAME-$part")]" \
			"$(lab exec "$part" readlink /proc/self/ns/net)"
	done
	expect "exec: arguments as they are" "a  b;'c" "$(client printf %s "a  b;'c")"
}

test_blade_is_a_machine() {
	check "blade: makes a namespace" blade ip netns add inner
	expect "blade: still has it in the next exec" inner "$(blade ip netns | cut -d' ' -f1)"
	expect "blade: the machine has it not" "" "$(ip netns | grep -x inner)"
	blade ip netns exec inner python3 -c "$identity" >>"$scratch/ids"
	expect "blade: /run is its own" "" "$(blade ls /run | grep hapep-lab)"
	expect "blade: /sys shows its devices" "lo nic0" "$(blade ls /sys/class/net | xargs)"
	expect "blade: cgroups are the machine's" "$(ls /sys/fs/cgroup)" \
		"$(blade ls /sys/fs/cgroup)"
	check "blade: takes pinned objects" blade mkdir /sys/fs/bpf/mine
	check "blade: gives them up" blade rmdir /sys/fs/bpf/mine
	expect "blade: nic0's offloads are all on" "" "$(blade ethtool -k nic0 | grep -E \
		'^(tcp-seg|generic-seg|generic-rec|[rt]x-check|[rt]x-vlan-offload).*: off')"
	expect "blade: lo is up" 0 "$(exit_status blade ping -c 1 -W 1 127.0.0.1)"
}

test_addresses() {
	local address

	for address in 10.100.0.1 10.100.3.77 10.100.255.254 fd00:100::1 fd00:100::3:e8; do
		expect "client: $address is one of its own" 0 \
			"$(exit_status client ping -c 1 -W 1 -I "$address" "$address")"
	done
	for address in 10.200.0.9 fd00:200::9; do
		expect "server: $address is one of its own" 0 \
			"$(exit_status server ping -c 1 -W 1 "$address")"
	done
}

# What of the routers' frames a capture has: "DEVICE VLAN WHAT"
frames() { # DEVICE
	grep -E "who.has" "$scratch/$1" |
		sed -nE "s/.*(vlan [0-9]+).*who.has ([^ ,]+).*/$1 \1 \2/p
			t; s/.*who.has ([^ ,]+).*/$1 untagged \1/p" |
		grep -E ' (10\.|fd00:)' | sort -u
}

so_many() { # DEVICE COUNT
	(($(frames "$1" | wc -l) >= $2))
}

# seen_on DEVICE COUNT: what the blade's NIC shows of them; so many should come.
seen_on() {
	local capture
	: >"$scratch/capture"
	timeout 30 "$tests/lab/lab" exec blade tcpdump -nel -i "$1" 'arp or icmp6 or vlan' \
		2>"$scratch/capture" >"$scratch/$1" &
	capture=$!
	until_true 5 grep -q 'listening on' "$scratch/capture"
	client ping -c 1 -W 1 10.1.0.2 >/dev/null &
	client ping -c 1 -W 1 fd00:1::2 >/dev/null &
	server ping -c 1 -W 1 10.2.0.2 >/dev/null &
	server ping -c 1 -W 1 fd00:2::2 >/dev/null &
	until_true 2 so_many "$1" "$2"
	sleep 0.5 # for those that should not come, too
	kill "$capture"
	wait
	frames "$1"
}

tagged_as() { # NIC of the client's side, of the server's
	printf '%s\n' "$1 vlan 100 10.1.0.2" "$1 vlan 100 fd00:1::2" \
		"$2 vlan 200 10.2.0.2" "$2 vlan 200 fd00:2::2"
}

test_layouts() {
	local nic

	expect "wire: tags on one NIC" "$(tagged_as nic0 nic0)" "$(seen_on nic0 4)"
	check "up --two-nics" lab up --two-nics
	expect "wire: tags on nic0 of two" "$(tagged_as nic0 nic1 | grep ^nic0)" "$(seen_on nic0 2)"
	expect "wire: tags on nic1 of two" "$(tagged_as nic0 nic1 | grep ^nic1)" "$(seen_on nic1 2)"
	check "up --untagged --far 1400" lab up --untagged --far 1400
	for nic in nic0 nic1; do
		expect "wire: no tags on $nic" \
			"$(tagged_as nic0 nic1 | grep ^$nic | sed 's/vlan .00/untagged/')" \
			"$(seen_on $nic 2)"
	done
}

# With untagged links any kernel can stand in for the blade: forwarding is enough.
blade_forwards() {
	blade sh -es <<'SH'
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip addr add 10.1.0.2/24 dev nic0
ip addr add fd00:1::2/64 dev nic0 nodad
ip addr add 10.2.0.2/24 dev nic1
ip addr add fd00:2::2/64 dev nic1 nodad
ip route add 10.100.0.0/16 via 10.1.0.1
ip route add fd00:100::/64 via fd00:1::1
ip route add default via 10.2.0.1
ip route add default via fd00:2::1
SH
	# A router that has asked for the blade in vain refuses until it has given up.
	until_true 5 client ping -c 1 -W 1 10.200.0.1 >/dev/null 2>&1
	until_true 5 client ping -c 1 -W 1 fd00:200::1 >/dev/null 2>&1
}

fetch() { # URL [curl's options]
	client curl -sSgf --max-time 5 "$@"
}

test_origin() {
	local object host

	check "origin start" lab origin start
	for host in 10.200.0.1 '[fd00:200::1]' 10.210.0.2 '[fd00:210::2]'; do
		for object in 1k:1024 8k:8192 64k:65536 1m:1048576 100m:104857600; do
			fetch "http://$host/${object%:*}" >"$scratch/object"
			expect "origin: $host/${object%:*}" "${object#*:}" \
				"$(stat -c %s "$scratch/object")"
		done
		check "origin: $host: 100m is whole" \
			cmp "$scratch/object" "/run/hapep-lab/$LAB_NAME/origin/objects/100m"
	done
	expect "origin: /who, IPv4" "10.100.3.77:2000 10.200.0.9:8080" \
		"$(fetch --interface 10.100.3.77 --local-port 2000 http://10.200.0.9:8080/who)"
	expect "origin: /who, IPv6" "fd00:100::4d:2000 fd00:200::9:80" \
		"$(fetch --interface fd00:100::4d --local-port 2000 'http://[fd00:200::9]/who')"
	check "origin stop" lab origin stop
	expect "origin stop: nobody listens" "" "$(server ss -Hltn)"
}

# An upload has to get through the narrow link, unless nobody tells of it.
test_far() { # CURL'S EXIT STATUS, lab up's options
	local host

	lab down >/dev/null
	check "up ${*:2}" lab up --untagged "${@:2}"
	blade_forwards
	check "origin start, on one port" lab origin start --port 80
	head -c 300000 /dev/urandom >"$scratch/object"
	for host in 10.210.0.2 '[fd00:210::2]'; do
		expect "${*:2}: upload to $host" "$1" "$(exit_status fetch --max-time 3 \
			-T "$scratch/object" "http://$host/put/it")"
	done
}

test_clients() {
	check "up --clients 1000" lab up --clients 1000
	expect "--clients: the last one" 0 \
		"$(exit_status client ping -c 1 -W 1 -I 10.100.3.232 10.100.0.1)"
	expect "--clients: none beyond" 2 \
		"$(exit_status client ping -c 1 -W 1 -I 10.100.4.1 10.100.0.1)"
}

test_up_twice() {
	local before
	before=$(stat -Lc %i "/run/netns/hapep-$LAB_NAME-blade")

	expect "up twice: says so" "lab '$LAB_NAME' is up already" "$(lab up)"
	expect "up twice: is the same lab" "$before" \
		"$(stat -Lc %i "/run/netns/hapep-$LAB_NAME-blade")"
}

# broken_by WHAT COMMAND...: status tells, and up mends it.
broken_by() {
	"${@:2}" >/dev/null 2>&1
	expect "$1: status" 1 "$(exit_status lab status)"
	check "$1: up" lab up
	expect "$1: status afterwards" 0 "$(exit_status lab status)"
	note_ids
}

test_mending() {
	local state=/run/hapep-lab/$LAB_NAME part

	for part in client wire blade server; do
		broken_by "without namespace $part" ip netns del "hapep-$LAB_NAME-$part"
	done
	broken_by "namespace unmounted" umount "/run/netns/hapep-$LAB_NAME-wire"
	broken_by "without the blade's mounts" umount "$state/blade.mnt"
	broken_by "without its state" umount -R "$state"
	broken_by "without a program" tc -n "hapep-$LAB_NAME-wire" qdisc del dev nic0 clsact
	broken_by "without a route" ip -n "hapep-$LAB_NAME-client" -6 route del default
	broken_by "with a NIC down" ip -n "hapep-$LAB_NAME-blade" link set nic0 down
}

# up is killed after each hundredth of a second that it may take.
test_killed_up() {
	local hundredth verdict=yes

	for hundredth in {0..24}; do
		lab down >/dev/null
		{
			timeout -s KILL "$(printf 0.%02d1 "$hundredth")" "$tests/lab/lab" up
		} >/dev/null 2>&1
		if ((hundredth % 2)); then
			[[ $(exit_status lab up) == 0 && $(exit_status lab status) == 0 ]] ||
				verdict="no: after 0.$hundredth s: $(<"$scratch/said")"
			note_ids
		fi
		[[ $(exit_status lab down) == 0 && ! $(remains) ]] ||
			verdict="no: left after 0.$hundredth s: $(<"$scratch/said") $(remains)"
	done
	expect "up killed at any time: up and down work" yes "$verdict"
}

test_two_labs() {
	check "second lab: up" second up
	expect "second lab: does not hold the first" "" \
		"$(second exec blade grep "hapep-$LAB_NAME-" /proc/self/mountinfo)"
	check "second lab: origin" second origin start
	note_ids
	check "first lab: down" lab down
	expect "second lab: stays whole" 0 "$(exit_status second status)"
	expect "second lab: its origin stays" 0 \
		"$(exit_status second exec server curl -sf http://10.200.0.1/who)"
	check "second lab: down" second down
	expect "both labs: nothing remains" "" "$(remains)"
}

# As in a container. Which CPUs make the two namespaces of mounts decides on their ids.
test_inside() {
	local last=$(($(nproc --all) - 1)) outer inner

	for outer in 0 "$last"; do
		for inner in 0 "$last"; do
			check "in other mounts, made by CPU $outer and then $inner: up and down" \
				taskset -c "$outer" unshare --mount --propagation private \
				taskset -c "$inner" bash -ec '"$@" up; "$@" exec blade true; "$@" down' - \
				"$tests/lab/lab" --name "$LAB_NAME"
		done
	done
	expect "in other mounts: nothing remains" "" "$(remains)"
}

# Of those who do not want to go, too
test_down() {
	lab up >/dev/null
	blade ip netns add inner
	note_ids
	blade ip netns exec inner python3 -c "$identity" >>"$scratch/ids"
	lab origin start >/dev/null
	blade readlink /proc/self/ns/mnt >>"$scratch/ids"
	(blade ip netns exec inner sh -c 'trap "" TERM; while :; do sleep 1; done' &) 2>/dev/null
	(client sleep 100 &) 2>/dev/null
	(blade unshare -n sleep 100 &) 2>/dev/null # which has but the blade's mounts
	sleep 0.3
	expect "down: from inside" 1 "$(exit_status client "$tests/lab/lab" down)"
	check "down: with processes everywhere" lab down
	expect "down: nothing remains" "" "$(remains)"
	check "down: twice" lab down
	# Other labs' commands, too, may have it for a moment.
	check "down: leaves no empty directory" until_true 2 no_empty_directory
	expect "status of what is down" 3 "$(exit_status lab status)"
}

test_failed_up() {
	mkdir -p "$scratch/tests/lab"
	echo junk >"$scratch/tests/lab/wire.bpf.o"
	expect "up that fails: status" 1 "$(BUILD=$scratch exit_status lab up)"
	check "up that fails: says at what" grep "cannot set up the wire" "$scratch/said"
	expect "up that fails: nothing remains" "" "$(remains)"
}

test_usage() {
	local arguments

	expect "--help" 0 "$(exit_status lab --help)"
	while read -r arguments; do
		# shellcheck disable=SC2086 # words
		expect "usage: lab $arguments" 2 "$(exit_status "$tests/lab/lab" $arguments)"
		[[ -s $scratch/said ]] || not_ok "usage: lab $arguments" "it says nothing"
	done <<'ARGUMENTS'

fly
--name ../x up
--name
up --far 1279
up --far 1501
up --far
up --blackhole
up --two-nics --untagged
up --clients 0
up --clients many
up now
down now
status now
exec
exec moon true
exec client
origin
origin restart
origin start --port
origin start --port 0
origin start --port 80,x
origin stop --port 80
ARGUMENTS
	expect "exec in what is down" 1 "$(exit_status lab exec blade true)"
	expect "origin in what is down" 1 "$(exit_status lab origin start)"
}

test_usage
test_failed_up
test_inside
check "up" lab up
expect "status" 0 "$(exit_status lab status)"
note_ids
test_up_twice
test_exec
test_blade_is_a_machine
test_addresses
test_layouts
blade_forwards
test_origin
test_far 0 --far 1400
test_far 28 --far 1400 --blackhole
test_clients
lab up >/dev/null
test_mending
test_two_labs
test_killed_up
test_down
test_end
