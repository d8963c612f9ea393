#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# paper-path.sh: the test of the paper's path on the running kernel: 802.1Q tags on a
# virtio NIC, flower, vlan and mirred, 20 HAProxy, and no trace of it afterwards.
# Runs in the guest: tests/vm/paper-blade tests/vm/paper-path.sh
# Prints "ok NAME", "not ok NAME: why" and comments; exit status 1 if anything was not ok.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=../lib.sh
. "$here/../lib.sh"
# shellcheck source=paper-lab.sh
. "$here/paper-lab.sh"
# shellcheck source=snapshot.sh
. "$here/snapshot.sh"

conf=$here/paper.conf
instances=20
clients=(10.100.0.1 10.100.3.7 10.100.200.200 10.100.255.254
	fd00:100::1 fd00:100::3:7 fd00:100::dead:beef fd00:100::ffff:ffff:ffff:fffe)

# equal EXPECTED FOUND
equal() {
	[[ $1 == "$2" ]] || { printf "expected '%s', found '%s'\n" "$1" "$2"; return 1; }
}

# timed NAME COMMAND...: check, and a comment that tells how long it took.
timed() {
	local start=${EPOCHREALTIME/./} status
	check "$@"
	status=$?
	start=$(((${EPOCHREALTIME/./} - start) / 100000))
	echo "# $1: $((start / 10)).$((start % 10)) s"
	return $status
}

# The server to a client's family; in brackets for a URL.
server_of() {
	[[ $1 == *:* ]] && echo "$server6" || echo "$server4"
}

url_of() {
	[[ $1 == *:* ]] && echo "http://[$server6]" || echo "http://$server4"
}

# ---- before and after: eth0 carries nothing ------------------------------------------

nothing_passes() {
	local client
	for client in 10.100.0.1 fd00:100::1; do
		if lab_fetch "$client" "$(url_of "$client")/who" --connect-timeout 2; then
			echo "$client got through"
			return 1
		fi
	done
}

# ---- in service: what the kernel has --------------------------------------------------

is_up() {
	local json
	json=$("$hapep" status --config "$conf" --name pep0 --json) ||
		{ echo "exit status $?: $json"; return 1; }
	jq -e 'type == "object"' <<<"$json"
}

is_down() {
	local said
	! said=$("$hapep" status --config "$conf" --name pep0 2>&1) ||
		{ echo "status says it is up: $said"; return 1; }
}

# The NIC's filter for a VLAN: flower on the tag, and a redirect into the veth.
flower_redirects() {
	local found
	found=$(tc -j filter show dev eth0 ingress)
	jq -e --argjson vlan "$1" --arg veth "$2" 'any(.[];
		.kind == "flower" and .options.keys.vlan_id == $vlan and
		any(.options.actions[]; .kind == "mirred" and
			.mirred_action == "redirect" and .to_dev == $veth))' \
		<<<"$found" >/dev/null || { echo "found $found"; return 1; }
}

flower_counts() {
	tc -s -j filter show dev eth0 ingress | jq -e --argjson vlan "$1" \
		'[.[] | select(.options.keys.vlan_id == $vlan) | .options.actions[].stats.packets]
		| add > 100' >/dev/null || { tc -s filter show dev eth0 ingress; return 1; }
}

# pep0_has_action DEV HOOK JQ: some filter there has such an action.
pep0_has_action() {
	local found
	found=$(tc -n pep0 -j filter show dev "$1" "$2")
	jq -e "any(.[].options.actions? // [] | .[]; $3)" <<<"$found" >/dev/null ||
		{ echo "found $found"; return 1; }
}

haproxy_pids() {
	local pid
	for pid in $(ip netns pids pep0); do
		[[ $(<"/proc/$pid/comm") != haproxy ]] || echo "$pid"
	done
}

all_instances_run() {
	equal "$instances" "$(haproxy_pids | wc -l)"
}

# Each to one CPU, and all CPUs of the interface's node have their share. A virtio
# device tells its node one directory up.
instances_are_pinned() {
	local used cpus node
	used=$(for pid in $(haproxy_pids); do
		awk '/^Cpus_allowed_list/ { print $2 }' "/proc/$pid/status"
	done | sort -u)
	node=$(cat /sys/class/net/eth0/device/../numa_node)
	cpus=$(lscpu -p=CPU,NODE | grep -c "^[0-9]*,$node\$")
	[[ ! $used =~ [-,] ]] || { echo "instances may run on ${used//$'\n'/ }"; return 1; }
	equal $((cpus < instances ? cpus : instances)) "$(wc -l <<<"$used")"
}

# pep0_listeners ADDRESS: on port 80, for a family; * is for both.
pep0_listeners() {
	local found
	found=$(ip netns exec pep0 ss -ltnH 'sport = :80' | awk '{ print $4 }')
	equal "$instances" "$(grep -cFx -e "$1:80" -e '*:80' <<<"$found")"
}

# ---- in service: what is carried --------------------------------------------------------

same_object() {
	lab_fetch "$1" "$(url_of "$1")/$2" "${@:3}" | cmp - "$lab_root/www/$2"
}

# who SOURCE SOURCE-PORT [PORT]: the server sees the client, the client the server.
who() {
	local port=${3:-80}
	equal "$1:$2 $(server_of "$1"):$port" \
		"$(lab_fetch "$1" "$(url_of "$1"):$port/who" --local-port "$2" 2>&1)"
}

# established NAMESPACE PORT: "local peer" of the connections that have that port.
established() {
	ip netns exec "$1" ss -tnH state established "( sport = :$2 or dport = :$2 )" |
		awk '{ print $3, $4 }' | sed 's/\[::ffff:\([0-9.]*\)\]/\1/g' | sort
}

# held SOURCE SOURCE-PORT PORT: the sockets in pep0 of a download that takes long.
held() {
	local curl tries
	lab_fetch "$1" "$(url_of "$1"):$3/big" --local-port "$2" --limit-rate 64k \
		-o /dev/null >/dev/null 2>&1 &
	curl=$!
	for ((tries = 0; tries < 20; tries++)); do
		sleep 0.2
		[[ ! $(established server "$2") ]] || break
	done
	[[ $(established server "$2") ]] || echo "no connection came to the server"
	established pep0 "$2"
	# shellcheck disable=SC2046 # several processes
	kill "$curl" $(ps -o pid= --ppid "$curl") 2>/dev/null
	wait "$curl"
}

# bracketed ADDRESS: as ss prints it.
bracketed() {
	[[ $1 == *:* ]] && echo "[$1]" || echo "$1"
}

# Two sockets of one 4-tuple, one facing each way; the onward one is bound to the server
# side's device.
proxied() {
	local client server
	client=$(bracketed "$1"):$2 server=$(bracketed "$(server_of "$1")"):80
	equal "$(printf '%s\n' "${client/%:$2/%server:$2} $server" \
		"$server $client" | sort)" \
		"$(held "$1" "$2" 80)"
}

passed_by() {
	equal "" "$(held "$1" "$2" 8080)"
}

# A packet that fills the MTU, so that with its tag it is 1518 bytes on the wire.
ping_full() {
	lab_client ping -q -c 3 -i 0.2 -W 5 -M "do" -s "$2" -I "$1" "$(server_of "$1")"
}

udp() {
	equal "$(server_of "$1"):5353 $1:5353" \
		"$(lab_client "$here/udp_who.py" ask "$1" "$(server_of "$1")" 5353 2>&1)"
}

# The blade's own address is nobody's origin: refused at once, not proxied to itself.
refused() {
	lab_client curl -sS --max-time 5 --interface "$1" "http://$2/"
	equal 7 $?
}

# The kernel's own complaints, such as a bad offload, since the machine started.
kernel_log_is_clean() {
	! dmesg | grep -E 'WARNING:|BUG:|Oops|bad.offload|checksum failure|detected stall'
}

check_kernel() {
	check status-up is_up
	check instances-run all_instances_run
	check instances-pinned instances_are_pinned
	check listeners-ipv4 pep0_listeners 0.0.0.0
	check listeners-ipv6 pep0_listeners '[::]'
	check flower-client flower_redirects 100 pep0-c
	check flower-server flower_redirects 200 pep0-s
	local dev vlan
	for dev in client server; do
		vlan=$([[ $dev == client ]] && echo 100 || echo 200)
		check "vlan-pop-$dev" pep0_has_action $dev ingress \
			'.kind == "vlan" and .vlan_action == "pop"'
		check "vlan-push-$dev" pep0_has_action $dev egress \
			".kind == \"vlan\" and .vlan_action == \"push\" and .id == $vlan"
	done
}

check_traffic() {
	local client port=20000
	for client in "${clients[@]}"; do
		port=$((port + 1))
		check "fetch-8k-$client" same_object "$client" 8k
		check "who-$client" who "$client" $port
	done
	for client in 10.100.5.5 fd00:100::5:5; do
		check "fetch-4m-$client" same_object $client 4m
		check "proxied-$client" proxied $client 20100
		check "port-8080-$client" who $client 20200 8080
		check "port-8080-passes-by-$client" passed_by $client 20300
		check "udp-$client" udp $client
	done
	check ping-ipv4 ping_full 10.100.5.5 1472
	check ping-ipv6 ping_full fd00:100::5:5 1452
	check own-address-refused-ipv4 refused 10.100.5.5 10.1.0.2
	check own-address-refused-ipv6 refused fd00:100::5:5 '[fd00:1::2]'
	check flower-counts-client flower_counts 100
	check flower-counts-server flower_counts 200
}

main() {
	local kind
	echo "# Linux $(uname -r), $(nproc) CPUs, $(haproxy -v | head -n 1)"
	check hapep-built test -x "$hapep" || exit 1
	lab_up
	lab_server "$here/udp_who.py" serve "$server4" 5353 &
	lab_server "$here/udp_who.py" serve "$server6" 5353 &
	check nothing-passes-before nothing_passes
	snapshot_take /run/vm/before eth0
	if timed up "$hapep" up --config "$conf" --name pep0; then
		check_kernel
		check_traffic
		check kernel-log-clean kernel_log_is_clean
		timed down "$hapep" down --name pep0
	fi
	snapshot_take /run/vm/after eth0
	check status-down is_down
	for kind in /run/vm/before/*; do
		kind=${kind##*/}
		check "restored-$kind" snapshot_same /run/vm/before /run/vm/after "$kind"
	done
	check nothing-passes-after nothing_passes
	test_end
}

main
