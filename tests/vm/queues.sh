#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# queues.sh: the test of what a NIC's queues are told, and of getting it back, on real
# queues, vectors and hash tables: eth0 is a virtio NIC with RSS and four queues on node
# 1, eth1 an e1000e with one. Runs in the guest of test-queues.sh.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=../lib.sh
. "$here/../lib.sh"

scratch=/run/vm/queues
mkdir -p "$scratch"

# What the NIC and the kernel have been told of its queues, by their own tools.
dump() { # NIC
	local option
	for option in -l -x "-n rx-flow-hash tcp4" "-n rx-flow-hash tcp6"; do
		# shellcheck disable=SC2086 # several words
		ethtool ${option%% *} "$1" ${option#-?} 2>&1
	done
	for irq in $(vectors "$1"); do
		echo "$irq $(<"/proc/irq/$irq/smp_affinity")"
	done
	grep . /sys/class/net/"$1"/queues/*/[xr]ps_cpus 2>&1
	tc qdisc show dev "$1"
	sysctl net.core.netdev_budget_usecs
}

vectors() { # NIC: a virtio NIC's are one directory up
	local path=/sys/class/net/$1/device
	[[ -d $path/msi_irqs ]] || path+=/..
	ls "$path/msi_irqs"
}

# configure NIC QUEUES RSS: both sides on one NIC.
configure() {
	conf=$scratch/$1.conf
	sed -e "s/^nic = .*/nic = $1/" -e "s|^processes = .*|processes = 2\nbinary = /usr/local/sbin/haproxy-toy|" \
		"$here/paper.conf" >"$conf"
	printf '[placement]\nqueues = %s\nrss = %s\n' "$2" "$3" >>"$conf"
}

# HAProxy is not what is tested here, and takes seconds under emulation.
cat >/usr/local/sbin/haproxy-toy <<END
#!/bin/sh
[ "\$1" != -vv ] || exec cat $tests/golden/haproxy/versions/2.6.12.txt
END
chmod 755 /usr/local/sbin/haproxy-toy

hapep() {
	"$hapep" rss "$@" --config "$conf" --quiet
}

step_names() {
	"$hapep" rss up --dry-run --config "$conf" | sed -n 's/^# \([a-z-]*\): .*/\1/p'
}

same() { # NIC: as before
	dump "$1" >"$scratch/now"
	diff -U0 "$scratch/before-$1" "$scratch/now"
}

# One fault: up fails or dies, down restores.
fault() { # NIC WHERE STEP
	local status
	HAPEP_FAULT="$2:$3" hapep up >"$scratch/said" 2>&1
	status=$?
	case $2 in
	fail | partial)
		((status == 1)) || { echo "status $status: $(<"$scratch/said")"; return 1; }
		same "$1" || { echo "not rolled back"; return 1; }
		;;
	*) ((status > 128)) || { echo "was not killed: status $status"; return 1; } ;;
	esac
	hapep down || { echo "down: status $?"; return 1; }
	same "$1"
}

# Killed in the undo of a step; the next down restores.
fault_undo() { # NIC STEP
	hapep up || { echo "up: status $?"; return 1; }
	HAPEP_FAULT="undo:$2" hapep down 2>/dev/null && { echo "was not killed"; return 1; }
	hapep down || { echo "the next down: status $?"; return 1; }
	same "$1"
}

# Killed after a step, then in the undo of it; the next down restores.
fault_twice() { # NIC STEP
	HAPEP_FAULT="after:$2" hapep up 2>/dev/null && { echo "up was not killed"; return 1; }
	HAPEP_FAULT="undo:$2" hapep down 2>/dev/null && { echo "down was not killed"; return 1; }
	hapep down || { echo "the next down: status $?"; return 1; }
	same "$1"
}

faults() { # NIC
	local step where
	for step in $(step_names); do
		check "$1: killed after $step and in its undo" fault_twice "$1" "$step"
		[[ ${HAPEP_TEST_FULL:-} ]] || continue
		for where in fail partial record before after; do
			check "$1: $where at $step" fault "$1" "$where" "$step"
		done
		check "$1: killed in the undo of $step" fault_undo "$1" "$step"
	done
}

# ---- witnesses of a NIC in service ------------------------------------------------------

channels_are() { # NIC NUMBER
	ethtool -l "$1" | awk '/Current/ { now = 1 } now && /Combined/ { print $2 }' | grep -qx "$2"
}

table_uses() { # NIC QUEUES
	ethtool -x "$1" | awk -F: '/^ +[0-9]+:/ { print $2 }' | tr -s ' ' '\n' | grep . | sort -nu |
		tr '\n' ' ' | grep -qx "$2 " || { ethtool -x "$1"; return 1; }
}

key_is_symmetric() { # NIC
	ethtool -x "$1" | grep -Eq '^(6d:5a:)+6d:5a$'
}

fields_are_all() { # NIC
	for family in tcp4 tcp6; do
		[[ $(ethtool -n "$1" rx-flow-hash "$family" | grep -c '^IP [SD]A\|^L4 bytes') == 4 ]] ||
			return 1
	done
}

# irq_of QUEUE CPU: both directions' vectors go to that CPU alone.
irqs_go() {
	local irq way found=0
	for way in input output; do
		irq=$(awk -v name="-$way.$1\$" '$NF ~ name && $NF !~ /^virtio[01]-/ { sub(":", "", $1); print $1 }' \
			/proc/interrupts | while read -r n; do
			vectors eth0 | grep -x "$n"
		done)
		[[ $(<"/proc/irq/$irq/smp_affinity_list") == "$2" ]] || return 1
		found=$((found + 1))
	done
	((found == 2))
}

mask_is() { # FILE MASK
	[[ $(sed 's/^[0,]*//' "/sys/class/net/$1") == "$2" ]] || { cat "/sys/class/net/$1"; return 1; }
}

in_service() {
	check "two channels" channels_are eth0 2
	check "a table over queues 0 and 1" table_uses eth0 "0 1"
	check "the symmetric key" key_is_symmetric eth0
	check "addresses and ports of both families" fields_are_all eth0
	# Node 1 has CPUs 2 and 3.
	check "queue 0 interrupts CPU 2" irqs_go 0 2
	check "queue 1 interrupts CPU 3" irqs_go 1 3
	check "CPU 2 sends by queue 0" mask_is eth0/queues/tx-0/xps_cpus 4
	check "CPU 3 sends by queue 1" mask_is eth0/queues/tx-1/xps_cpus 8
	expect "mqprio instead of prio, over both queues" "mqprio (0:1)" \
		"$(tc qdisc show dev eth0 root | grep -o 'mqprio\|(.*)' | xargs)"
	check "status: as wanted" bash -c "'$hapep' rss show | grep -q 'nic-client-mqprio *present'"
}

# What is moved by hand is seen, and put back by up.
mend() { # WHAT STEP COMMAND...
	local what=$1 step=$2
	shift 2
	"$@" || not_ok "$what by hand" "$*: status $?"
	check "$what by hand: show tells it" bash -c "'$hapep' rss show | grep -q '$step *\(absent\|differs\)'"
	hapep up || not_ok "$what by hand: up" "status $?"
	in_service >"$scratch/mended"
	expect "$what by hand: up mends it" 0 "$(grep -c '^not ok' "$scratch/mended")"
}

# ---- eth0: everything -------------------------------------------------------------------

ip link set eth0 up
ip link set eth1 up
modprobe -a sch_prio sch_mqprio cls_basic
ethtool -X eth0 equal 4
ethtool -N eth0 rx-flow-hash tcp4 sd
tc qdisc add dev eth0 root handle 5: prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 3
configure eth0 2 symmetric
dump eth0 >"$scratch/before-eth0"
expect "the steps" "nic-client-channels nic-client-fields nic-client-rss nic-client-irq nic-client-mqprio nic-client-xps" \
	"$(step_names | xargs)"
expect "a dry run changes nothing" "" "$(same eth0)"
check "up" hapep up
in_service
hapep down || not_ok down "status $?"
check "down: every dump is as it was" same eth0
faults eth0

hapep up
mend "the key" nic-client-rss ethtool -X eth0 equal 2 hkey "$(ethtool -x eth0 |
	awk '/RSS hash key/ { getline; sub("6d", "6e"); print }')"
mend "an interrupt" nic-client-irq bash -c "echo 0-1 >/proc/irq/$(vectors eth0 | sed -n 2p)/smp_affinity_list"
mend "the channels" nic-client-channels ethtool -L eth0 combined 4
hapep down
check "down after that" same eth0

# A filter on the root could not be put back: that qdisc stays.
tc filter add dev eth0 parent 5: protocol all basic action pass 2>/dev/null ||
	tc filter add dev eth0 parent 5: protocol all basic flowid 5:1
expect "a root qdisc with filters stays" 0 "$(step_names | grep -c mqprio)"
tc qdisc del dev eth0 root
tc qdisc add dev eth0 root handle 8: fq limit 5000 flow_limit 50
configure eth0 auto asymmetric
ethtool -X eth0 hkey "$(printf '6d:5a:%.0s' {1..19})6d:5a"
dump eth0 >"$scratch/before-eth0"
check "asymmetric: up" hapep up
key_is_symmetric eth0 && not_ok "asymmetric: another key" "it is still symmetric"
expect "mqprio instead of fq" mqprio "$(tc -j qdisc show dev eth0 root | jq -r '.[0].kind')"
hapep down
check "asymmetric, fq: every dump is as it was" same eth0
tc qdisc del dev eth0 root
configure eth0 auto off
expect "rss = off has no steps" "" "$(step_names)"
expect "the kernel's own mq stays" 0 "$(configure eth0 2 symmetric; step_names | grep -c mqprio)"

# ---- eth1: no RSS, one queue ------------------------------------------------------------

configure eth1 auto symmetric
dump eth1 >"$scratch/before-eth1"
expect "without RSS: interrupt and RPS" "nic-client-irq nic-client-rps" "$(step_names | xargs)"
check "without RSS: up" hapep up
check "RPS to the instances' CPUs" mask_is eth1/queues/rx-0/rps_cpus 3
hapep down
check "without RSS: down" same eth1
faults eth1

# ---- refusals ---------------------------------------------------------------------------

# By its name, as anybody would find it.
cp "$(command -v sleep)" "$scratch/irqbalance"
"$scratch/irqbalance" 60 &
balancer=$!
"$hapep" rss up --config "$conf" >"$scratch/said" 2>&1
check "irqbalance is warned of" grep -q 'warning: irqbalance' "$scratch/said"
kill $balancer
hapep down
test_end
