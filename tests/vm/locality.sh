#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# locality.sh: whether a connection's two directions, its interrupts, its sockets and its
# instance share a core, connection by connection; against a random key, and against the
# kernel's own choice of the instance. And that all a NIC was told of it comes back.
# Runs in the guest of test-locality.sh: the paper's path on eth0, with its queues.
# LOCALITY_COUNT: connections (100); LOCALITY_CHANCE: with a random key (20);
# LOCALITY_HASH: with accept = hash (none); LOCALITY_PROCESSES: instances (auto).
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=../lib.sh
. "$here/../lib.sh"
# shellcheck source=paper-lab.sh
. "$here/paper-lab.sh"
# shellcheck source=snapshot.sh
. "$here/snapshot.sh"

count=${LOCALITY_COUNT:-100} chance=${LOCALITY_CHANCE:-20}
processes=${LOCALITY_PROCESSES:-auto}
conf=/run/vm/locality.conf
port=20000
export HAPEP=$hapep

configure() { # ACCEPT
	# Open, the gate lets connections past where emulation keeps the supervisor waiting.
	sed -e "s/^processes = .*/processes = $processes\naccept = $1/" \
		-e 's/^\[service\]/&\nfail = closed/' "$here/paper.conf" >"$conf"
}

up() { # ACCEPT
	configure "$1"
	"$hapep" up --quiet --config "$conf" || return
	local side
	# Nobody asks for a neighbour meanwhile: such frames have no hash, and go to queue 0.
	for side in "client v100 1" "server v200 2"; do
		# shellcheck disable=SC2086 # three words
		neighbours $side
	done
}

neighbours() { # NAMESPACE DEVICE NUMBER
	local mac address
	mac=$(<"/sys/class/net/eth0/address")
	for address in "10.$3.0.2" "fd00:$3::2"; do
		ip -n "$1" neigh replace "$address" lladdr "$mac" dev "$2" nud permanent
	done
	mac=$(ip netns exec "$1" cat "/sys/class/net/$2/address")
	for address in "10.$3.0.1" "fd00:$3::1"; do
		ip -n pep0 neigh replace "$address" lladdr "$mac" dev "$1" nud permanent
	done
}

# shares COUNT NAME: makes that many connections; what was seen of them into $found.
shares() {
	if ! found=$("$here/locality.py" eth0 "$1" "$port" 2>&1); then
		not_ok "$2: $1 connections" "$found"
		return 1
	fi
	port=$((port + 10000))
	((port < 60000)) || port=20000
	echo "# $2: $found"
	ok "$2: $1 connections"
}

part() { # KEY
	jq ".$1 * 100 / .connections | floor" <<<"$found"
}

witness() { # NIC's own words, nothing that moves by itself
	snapshot_nic eth0
	ethtool -n eth0 rx-flow-hash tcp4
	ethtool -n eth0 rx-flow-hash tcp6
	tc qdisc show dev eth0
	sysctl net.core.netdev_budget_usecs
}

unchanged() {
	witness | diff -U0 /run/vm/before -
}

# ---- the plan against what the kernel and the NIC say -----------------------------------

rows() { # JQ: of each row that has a queue
	jq -r ".placement[] | select(.queue != null) | $1" <<<"$plan"
}

queues_are_the_plans() {
	local queues
	queues=$(jq .queues <<<"$plan")
	ethtool -l eth0 | grep -A9 Current | grep -q "^Combined:[[:space:]]*$queues\$" ||
		{ ethtool -l eth0; return 1; }
	[[ $(ethtool -x eth0 | awk '/^ +[0-9]+:/ { for (i = 2; i <= NF; i++) print $i }' |
		sort -nu | wc -l) == "$queues" ]] || { ethtool -x eth0; return 1; }
}

interrupts_are_the_plans() {
	local queue cpu irq
	while read -r queue cpu; do
		for irq in $(irqs_of "$queue"); do
			[[ $(<"/proc/irq/$irq/smp_affinity_list") == "$cpu" ]] ||
				{ echo "queue $queue, interrupt $irq: not on CPU $cpu"; return 1; }
		done
	done < <(rows '"\(.queue) \(.cpu)"')
}

irqs_of() { # QUEUE: of both directions
	local irq action
	for irq in /sys/class/net/eth0/device/../msi_irqs/*; do
		irq=${irq##*/}
		read -r action <"/sys/kernel/irq/$irq/actions" || continue
		[[ $action != *put.$1 ]] || echo "$irq"
	done
}

# Each instance on the plan's CPU, and its memory on that node alone.
instances_are_the_plans() {
	local k pid cpu
	while read -r k pid; do
		cpu=$(jq ".placement[] | select(.instance == $k) | .cpu" <<<"$plan")
		[[ $(taskset -cp "$pid") == *": $cpu" ]] ||
			{ echo "instance $k: $(taskset -cp "$pid"), not $cpu"; return 1; }
		grep -q "bind:$(jq .node <<<"$plan")" "/proc/$pid/numa_maps" ||
			{ echo "instance $k: $(head -n 1 "/proc/$pid/numa_maps")"; return 1; }
	done < <("$hapep" status --json | jq -r '.instances | to_entries[] | "\(.key) \(.value.pid)"')
}

node_is_the_nics() {
	expect "queues and instances on the NIC's node" \
		"$(cat /sys/class/net/eth0/device/../numa_node)" "$(jq .node <<<"$plan")"
}

main() {
	echo "# Linux $(uname -r), $(nproc) CPUs"
	lab_up
	configure cpu
	plan=$("$hapep" rss plan --config "$conf" --json)
	witness >/run/vm/before
	check "up" up cpu || exit 1
	node_is_the_nics
	check "as many queues as planned, and the table uses all" queues_are_the_plans
	check "each queue's interrupts on its CPU" interrupts_are_the_plans
	check "each instance on its CPU, memory on the node" instances_are_the_plans
	export QUEUES
	QUEUES=$(jq .queues <<<"$plan")
	if ((count)); then
		shares "$count" "symmetric, accept = cpu" &&
			expect "both directions of all on one queue" 100 "$(part one_queue)" &&
			expect "which interrupts one CPU" 100 "$(part one_cpu)" &&
			expect "on the core of the accepting instance" 100 "$(part one_core)"
	fi
	if ((chance)); then
		# The 6.1 driver's RSS hashes by whatever key is set last.
		ethtool -X eth0 hkey "$(od -An -tx1 -N40 /dev/urandom | xargs | tr ' ' :)"
		shares "$chance" "random key, accept = cpu" &&
			check "few by chance on one queue" test "$(part one_queue)" -lt $((100 / QUEUES + 30))
	fi
	check "down" "$hapep" down --quiet
	check "every dump is as it was" unchanged
	if ((${LOCALITY_HASH:-0})); then
		check "up, accept = hash" up hash
		shares "$LOCALITY_HASH" "symmetric, accept = hash" &&
			expect "both directions of all on one queue again" 100 "$(part one_queue)" &&
			check "fewer on the core of the accepting instance" \
				test "$(part one_core)" -lt $((100 / QUEUES + 30))
		check "down after that" "$hapep" down --quiet
		check "every dump is as it was again" unchanged
	fi
	test_end
}

main
