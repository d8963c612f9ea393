#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# top-blade.sh: what `hapep top` says of a NIC with queues and interrupts, and of the core
# on which connections are accepted, against the load generator, ethtool and the kernel's
# own list of interrupts.
# Runs in the guest: tests/vm/paper-blade tests/vm/top-blade.sh
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=../lib.sh
. "$here/../lib.sh"
# shellcheck source=paper-lab.sh
. "$here/paper-lab.sh"

conf=/tmp/top.conf
local_share=0
n=120

# What ethtool counts of packets received, over all queues.
received() {
	ethtool -S eth0 | awk '/rx_queue_[0-9]+_packets|rx[0-9]+_packets/ { n += $2 } END { print n + 0 }'
}

# Interrupts of the NIC's device, by the number of its vectors.
interrupts() {
	local irq
	for irq in /sys/class/net/eth0/device/../msi_irqs/*; do
		grep "^ *${irq##*/}:" /proc/interrupts
	done | awk '{ for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }'
}

# near NAME WANTED FOUND: within a tenth, as the NIC goes on while they are read.
near() {
	if (($3 * 10 >= $2 * 9 && $3 * 10 <= $2 * 11 && $2 > 0)); then
		ok "$1"
	else
		not_ok "$1" "expected about $2, found $3"
	fi
}

# Over all intervals: a sum of counts, and of what rates come to.
sum_of() { # JQ
	jq -s "map($1) | add" /tmp/stream
}

counted_of() { # JQ
	jq -s "map(($1) * .interval_s) | add | round" /tmp/stream
}

load() { # TRANSACTIONS
	lab_client "$BUILD/tests/load/load" --target "$server4:80" --connections 8 \
		--source 10.100.0.1-10.100.1.250 --path /8k --count "$1" >/tmp/load 2>&1
}

stream_begins() {
	[[ -s /tmp/stream ]]
}

all_counted() {
	(($(sum_of .total.transactions) >= n))
}

# A stream that holds the whole load; sets local_share.
measure() { # ACCEPT
	local before after top
	sed -e "s/^processes = .*/processes = 4\naccept = $1/" "$here/paper.conf" >"$conf"
	check "accept = $1: up" "$hapep" up --quiet --config "$conf" || return
	# A vector's first interrupt after ethtool -L may still come to its old core.
	load 24
	before="$(received) $(interrupts)"
	rm -f /tmp/stream
	"$hapep" top --json --interval 2 >/tmp/stream &
	top=$!
	# The kernel's type information takes a slow guest seconds to read.
	check "accept = $1: the stream begins" until_true 120 stream_begins
	load $n || not_ok "accept = $1: load" "$(cat /tmp/load)"
	# The interval in which the last ended is written when it is over.
	until_true 60 all_counted
	after="$(received) $(interrupts)"
	kill $top
	wait $top
	expect "accept = $1: $n transactions" $n "$(sum_of .total.transactions)"
	expect "accept = $1: $n accepted, by the kernel's accept" $n "$(sum_of .total.accepted)"
	expect "accept = $1: $n accepted, over the cores" $n \
		"$(sum_of '[.cores[].accepted] | add')"
	near "accept = $1: packets of the queues, as ethtool -S" \
		$((${after% *} - ${before% *})) \
		"$(counted_of '[.cores[].queue_packets_s // 0] | add')"
	near "accept = $1: interrupts, as /proc/interrupts" \
		$((${after#* } - ${before#* })) \
		"$(counted_of '[.cores[].interrupts_s // 0] | add')"
	check "accept = $1: down" "$hapep" down --quiet
	local_share=$(jq -s 'map(.total | (.local_share // 0) * .accepted) | add / '$n /tmp/stream)
	echo "# accept = $1: $local_share of $n connections accepted on the receiving core"
}

echo "# Linux $(uname -r), $(nproc) CPUs"
lab_up
ethtool -L eth0 combined 4
ethtool -X eth0 hkey "$(printf '6d:5a:%.0s' {1..20} | sed 's/:$//')" equal 4
measure cpu
check "accept = cpu: on the receiving core" jq -ne "$local_share >= 0.95"
measure hash
check "accept = hash: fewer, as chance has it" jq -ne "$local_share < 0.7"
test_end
