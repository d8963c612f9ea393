#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The placement on this machine: what hapep rss plan, up --dry-run and the instances'
# affinity say of it, which must be one thing, and what rss queue and check tell.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

conf=
group=
dump=$tests/golden/placement/symmetric.ethtool

configure() { # [SECTION LINE]...
	local section
	cp "$lab_conf" "$conf"
	while (($#)); do
		section=$1
		grep -q "^\[$section\]" "$conf" || echo "[$section]" >>"$conf"
		sed -i "/^${2%%=*}=/d; s/^\[$section\]/&\n$2/" "$conf"
		shift 2
	done
}

plan() {
	blade "$hapep" rss plan --config "$conf" --json
}

up() {
	blade "$hapep" up --config "$conf" "$@" 2>"$scratch/err"
}

# The CPUs of the instances by the kernel's word, one line.
pinned() {
	blade "$hapep" status --json | jq -r '.instances[].pid' | while read -r pid; do
		taskset -cp "$pid" | sed 's/.*: //'
	done | xargs
}

planned() {
	plan | jq -r '[.placement[] | select(.instance != null)] | sort_by(.instance)[].cpu' |
		xargs
}

restart() {
	blade "$hapep" down --quiet && up "$@"
}

# A cgroup whose members have one CPU, in v2's hierarchy or v1's; its procs file.
cpuset_make() { # CPU
	local v2=/sys/fs/cgroup v1=/sys/fs/cgroup/cpuset
	[[ -e $v2/cgroup.controllers ]] || v2=/sys/fs/cgroup/unified
	if grep -qsw cpuset "$v2/cgroup.subtree_control"; then
		group=$v2/$LAB_NAME
	elif [[ -e $v1/cpuset.mems ]]; then
		group=$v1/$LAB_NAME
	else
		return 1
	fi
	mkdir "$group" && cat "${group%/*}/cpuset.mems" >"$group/cpuset.mems" &&
		echo "$1" >"$group/cpuset.cpus"
}

in_cpuset() { # COMMAND...
	bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' _ "$group" "$@"
}

lab_begin
conf=$scratch/placement.conf
lab origin start >/dev/null
mapfile -t cpus < <(python3 -c 'import os
for cpu in sorted(os.sched_getaffinity(0)): print(cpu)')

configure
check "plan" plan >"$scratch/plan"
expect "the interface has one queue" 1 "$(plan | jq .queues)"
expect "and no node" null "$(plan | jq '.interfaces[0].node')"
expect "as many instances as asked for" 2 "$(plan | jq .instances)"
dry=$(blade "$hapep" up --dry-run --config "$conf")
missing=$(blade "$hapep" rss plan --config "$conf" |
	while IFS= read -r line; do
		[[ $'\n'$dry$'\n' == *$'\n'"#   $line"$'\n'* ]] || echo "$line"
	done)
expect "up --dry-run prints every line of it" "" "$missing"

check "up" up
expect "the instances are where the plan has them" "$(planned)" "$(pinned)"
expect "which the configuration in service says" "$(planned | tr ' ' '\n' | uniq | wc -l)" \
	"$(blade "$hapep" status --json | jq '[.instances[].cpu] | unique | length')"

# A client's connection is live while it lasts.
client python3 - "$server4" "$server6" <<-'END' &
	import socket, sys, time
	ends = [socket.create_connection((a, 80), 5) for a in sys.argv[1:]]
	time.sleep(5)
END
holder=$!
live() {
	blade "$hapep" rss check --json | jq '[.flows[] | select(.flows == "live").count][0] // 0'
}
until_true 4 bash -c "$(declare -f live blade lab); tests='$tests' hapep='$hapep' \
	LAB_NAME='$LAB_NAME'; ((\$(live) == 2))"
expect "check counts the live flows of both families" 2 "$(live)"
check "one queue takes both directions of all" \
	blade bash -c "'$hapep' rss check --json | jq -e \
		'[.flows[] | .symmetric == .count] | all'"
expect "and of at least 1,000 sampled ones" true \
	"$(blade "$hapep" rss check --json | jq '.flows[0].count >= 1000')"
kill "$holder" 2>/dev/null
wait "$holder" 2>/dev/null
expect "queue, IPv4: one queue" "0 0" "$(blade "$hapep" rss queue 192.0.2.1:4711 \
	"$server4:80" --json | jq -r '[.directions[].queue] | map(tostring) | join(" ")')"
expect "queue, IPv6: one queue" "0 0" "$(blade "$hapep" rss queue '[2001:db8::1]:4711' \
	"[$server6]:80" --json | jq -r '[.directions[].queue] | map(tostring) | join(" ")')"
blade "$hapep" rss queue 192.0.2.1:4711 "[$server6]:80" 2>"$scratch/err"
expect "queue of two families is refused" "2 hapep: both ends must be of one address family" \
	"$? $(<"$scratch/err")"

# What does not fit is said at up.
configure haproxy 'processes = 3' haproxy "cpus = ${cpus[0]}"
check "up, three instances on one CPU" restart
expect "which share it" "${cpus[0]} ${cpus[0]} ${cpus[0]}" "$(pinned)"
check "and up says so" grep -q '3 instances on 1 CPUs' "$scratch/err"
if ((${#cpus[@]} > 1)); then
	configure haproxy "cpus = ${cpus[1]},${cpus[0]}"
	check "up, the CPUs in another order" restart
	expect "the instances follow" "${cpus[1]} ${cpus[0]}" "$(pinned)"
	check "up again, from one CPU's affinity" \
		blade taskset -c "${cpus[1]}" "$hapep" up --quiet --config "$conf"
	check "up again" up
	check "which changes nothing" grep -q 'nothing differs' "$scratch/err"
else
	skip "instances on CPUs of their own" "this machine has one CPU"
fi
configure
blade "$hapep" down --quiet
check "up on one CPU" blade taskset -c "${cpus[0]}" "$hapep" up --quiet --config "$conf"
expect "puts both instances there" "${cpus[0]} ${cpus[0]}" "$(pinned)"
blade "$hapep" down --quiet

if ((${#cpus[@]} < 2)); then
	skip "a cpuset" "this machine has one CPU"
elif ! cpuset_make "${cpus[1]}" 2>"$scratch/err"; then
	skip "a cpuset" "no cgroup for one: $(<"$scratch/err")"
else
	expect "a cpuset's CPU is all there is" "${cpus[1]}" \
		"$(in_cpuset "$hapep" rss plan --config "$conf" --nic-rss "$dump" --json |
			jq -r '[.placement[].cpu] | unique | map(tostring) | join(" ")')"
	configure haproxy "cpus = ${cpus[0]}"
	why=$(in_cpuset "$hapep" rss plan --config "$conf" --nic-rss "$dump" 2>&1)
	expect "another CPU is refused" \
		"hapep: haproxy.cpus: CPU ${cpus[0]} is offline or outside this process's cpuset" \
		"$why"
fi
[[ ! $group ]] || rmdir "$group"
test_end
