#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# doctor-blade.sh: what `hapep doctor` finds on a NIC with queues, RSS, XPS and a VLAN
# filter, on either node of two. Each is provoked with ethtool and ip, and mended with the
# doctor's own command where it gives one.
# Runs in the guest: tests/vm/vm --nic virtio-net-pci@1:4:mq=on,rss=on,hash=on ...
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=../lib.sh
. "$here/../lib.sh"

conf=/tmp/doctor.conf
nic=/sys/class/net/eth0

result() { # CHECK
	"$hapep" doctor --config "$conf" --json |
		jq -r --arg check "$1" '.checks[] | select(.check == $check) | .result'
}

mend() { # CHECK
	"$hapep" doctor --config "$conf" --json |
		jq -r --arg check "$1" '[.findings[] | select(.check == $check)][0].mend'
}

# $conf: four instances, on these CPUs, each with a queue.
write_conf() { # CPUS
	sed -e "s/^processes = .*/processes = 4\ncpus = $1\n[placement]\nrss = off\nnuma = spread/" \
		-e 's/^address6.*//; s/^gateway6.*//' "$here/paper.conf" >"$conf"
	"$hapep" config --check --config "$conf"
}

random_key() {
	od -An -v -tx1 -N40 /dev/urandom | tr -d '\n' | sed 's/^ //; s/ /:/g'
}

nodes() {
	local there other
	there=$(cat "$nic/device/../numa_node")
	other=$((1 - there))
	write_conf "$(cat /sys/devices/system/node/node"$other"/cpulist)"
	sed -i 's/^numa = .*/numa = bind/' "$conf"
	expect "instances on node $other, the NIC on $there" warning "$(result nic-node)"
	write_conf "$(cat /sys/devices/system/node/node"$there"/cpulist)"
	expect "instances beside the NIC" ok "$(result nic-node)"
}

queues() {
	ethtool -L eth0 combined 2
	expect "two queues for four instances" warning "$(result nic-queues)"
	ethtool -L eth0 combined 4
	expect "four queues" ok "$(result nic-queues)"
}

rss() {
	ethtool -X eth0 hkey "$(random_key)" equal 4
	expect "a random key" warning "$(result nic-rss)"
	check "the doctor's own command" bash -c "$(mend nic-rss)"
	expect "mends it" ok "$(result nic-rss)"
	check "as ethtool has it" bash -c 'ethtool -x eth0 | grep -q "^6d:5a:6d:5a"'
}

xps() {
	local queue
	for queue in "$nic"/queues/tx-*; do
		echo 0 >"$queue/xps_cpus"
	done
	expect "no XPS" warning "$(result nic-xps)"
	for queue in 0 1 2 3; do
		printf '%x' $((1 << queue)) >"$nic/queues/tx-$queue/xps_cpus"
	done
	expect "XPS" ok "$(result nic-xps)"
}

# Something of that name, in truth a sleep, whose options do not count; with the doctor's
# options among its words the interrupts are exempt.
irqbalance() {
	local pid options
	cp "$(command -v bash)" /tmp/irqbalance
	/tmp/irqbalance -c 'read -rt 60 _ <> <(:)' &
	pid=$!
	expect "irqbalance, nothing exempt" warning "$(result irqbalance)"
	options=$(mend irqbalance | grep -o 'ARGS="[^"]*"' | cut -d'"' -f2)
	kill "$pid"
	wait "$pid" 2>/dev/null
	# shellcheck disable=SC2086 # a word each
	/tmp/irqbalance -c 'read -rt 60 _ <> <(:)' irqbalance $options &
	pid=$!
	expect "with the doctor's options" note "$(result irqbalance)"
	kill "$pid"
	wait "$pid" 2>/dev/null
	expect "none runs" ok "$(result irqbalance)"
}

# In service the NIC is promiscuous, as its filter is on and fixed.
vlan_filter() {
	check up "$hapep" up --quiet --config "$conf"
	expect "up sees to the filter" ok "$(result vlan-filter)"
	ip link set dev eth0 promisc off
	expect "promiscuous no more" fault "$(result vlan-filter)"
	check "the doctor's own command" bash -c "$(mend vlan-filter)"
	expect "mends it" ok "$(result vlan-filter)"
	expect "nothing is lost anywhere in the path" ok "$(result offload)"
	ethtool -K eth0 gro off
	expect "GRO of the NIC off" warning "$(result offload)"
	ethtool -K eth0 gro on
	expect "and on" ok "$(result offload)"
	check down "$hapep" down --quiet
}

echo "# Linux $(uname -r), $(nproc) CPUs, eth0 on node $(cat "$nic/device/../numa_node")"
ip link set eth0 up
nodes
queues
rss
xps
irqbalance
vlan_filter
test_end
