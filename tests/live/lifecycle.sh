#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A blade's life: convergence, deletion by hand, instances that die, signals, two at once.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

up() { blade "$hapep" up --quiet --config "$conf" "$@"; }
down() { blade "$hapep" down --quiet "$@"; }
inside() { blade ip netns exec pep0 "$@"; }

state() {
	blade "$hapep" status --json | jq -r .state
}

status_is() { # NUMBER
	blade "$hapep" status >/dev/null
	[[ $? == "$1" ]]
}

pids() { # of the instances, by the kernel's word: they hold the listening sockets
	inside ss -Htlnp 'sport = :80' | grep -o 'pid=[0-9]*' | sort -u | cut -d= -f2 |
		grep -vx "$(supervisor)"
}

supervisor() {
	blade "$hapep" status --json | jq .supervisor_pid
}

fetches() { # FAMILY
	client curl -sf -m $((5 * patience)) -o "$scratch/o" "$(url "$1" /8k)" &&
		[[ $(stat -c %s "$scratch/o") == 8192 ]]
}

both_fetch() {
	fetches 4 && fetches 6
}

# Numbers that any change to the blade would move.
shape() {
	blade bash -c 'ip -j link | jq -c "[.[] | {ifname, ifindex}]"; ip netns list
		tc -j filter show dev nic0 ingress; ip netns exec pep0 ip -j rule
		ip netns exec pep0 ip -j route show table all'
	pids
}

# ---- dry run, up, up again ------------------------------------------------------------

lab_begin
conf=$lab_conf
lab origin start >/dev/null
expect "status before: exit 3" 3 "$(blade "$hapep" status >/dev/null; echo $?)"
before=$(blade bash -c 'ip link; tc qdisc; ip netns; find /run')
blade "$hapep" up --dry-run --config "$conf" >"$scratch/dry"
expect "a dry run changes nothing" "$before" \
	"$(blade bash -c 'ip link; tc qdisc; ip netns; find /run')"
server timeout $((20 + 5 * patience)) tcpdump -lni eth0 -c 2 \
	'arp[24:4] = 0x0a020002 or (icmp6 and ip6[40] = 136 and src fd00:2::2 and dst ff02::1)' \
	>"$scratch/announced" 2>"$scratch/listening" &
announced=$!
until_true 10 grep -qs 'listening on' "$scratch/listening"
check "up" up
wait "$announced"
expect "up announces its addresses, both families" 2 "$(grep -c . "$scratch/announced")"
expect "status: exit 0" 0 "$(blade "$hapep" status >/dev/null; echo $?)"
datapath_is
check "objects, both families" both_fetch
one=$(shape)
check "up again" up
expect "up again changes nothing" "$one" "$(shape)"

# ---- what is deleted by hand is seen, and put back ------------------------------------

damage() { # WHAT COMMAND...
	local what=$1
	shift
	"$@" >/dev/null 2>&1 || not_ok "delete $what" "$*"
	expect "$what deleted by hand: degraded" degraded "$(state)"
	up || not_ok "$what deleted by hand: up again" "it fails"
	expect "$what deleted by hand: up mends it" up "$(state)"
	check "$what deleted by hand: objects again" until_true 3 both_fetch
}

damage "a rule" inside ip rule del pref 100
damage "an IPv6 rule" inside ip -6 rule del pref 101
damage "a route" inside ip route del default table 200
damage "an address" inside ip -6 addr del fd00:2::2/64 dev server
damage "a sysctl" inside sysctl -qw net.ipv4.ip_forward=0
damage "the NIC's filters" blade tc filter del dev nic0 ingress
damage "a host end's qdisc" blade tc qdisc del dev pep0-s clsact
damage "an inner end's qdisc" inside tc qdisc del dev client clsact

for what in "ip link del pep0-c" "ip netns del pep0" "tc qdisc del dev nic0 clsact" \
	"rm -f /run/hapep/pep0/config" "kill -9 $(supervisor)"; do
	blade bash -c "$what" >/dev/null 2>&1
	check "down after '${what%% [0-9]*}'" down
	expect "nothing is left after '${what%% [0-9]*}'" "$before" \
		"$(blade bash -c 'ip link; tc qdisc; ip netns; find /run')"
	check "up after it" up
	check "objects after it" until_true 3 both_fetch
done

# The old supervisor lives on in the deleted namespace: it must not pass for the new one.
blade ip netns del pep0
expect "the namespace deleted by hand: degraded" degraded "$(state)"
check "up mends that" up
check "objects through the new namespace" until_true 3 both_fetch
expect "and status agrees" up "$(state)"

# ---- a full disk, a held lock ---------------------------------------------------------

blade bash -c 'mount -o remount,size=1M /run; cat /dev/zero >/run/fill' 2>/dev/null
check "down with a full /run" down
blade bash -c 'rm /run/fill; mount -o remount,size=64M /run'
expect "nothing is left after that" "$before" \
	"$(blade bash -c 'ip link; tc qdisc; ip netns; find /run')"
check "up after that" up
holding=$(supervisor)
exec {held}<"/proc/$holding/root/run/hapep/pep0"
flock "$held"
kill -TERM "$holding"
sleep 1 # time in which it could go wrong
check "SIGTERM while somebody holds the lock: it waits" kill -0 "$holding"
exec {held}<&-
check "and is down once he lets go" until_true 5 status_is 3
expect "and nothing is left" "$before" \
	"$(blade bash -c 'ip link; tc qdisc; ip netns; find /run')"
check "up after that too" up

# ---- instances that die ---------------------------------------------------------------

victim=$(pids | head -n 1)
mapfile -t all < <(pids)
expect "an instance for each of the two" 2 "${#all[@]}"
kill -9 "$victim"
check "one instance killed: no connection fails meanwhile" bash -c "
	for i in \$(seq 40); do
		'$tests/lab/lab' --name $LAB_NAME exec client curl -sf -m $((5 * patience)) -o /dev/null \
			$(url 4 /8k) || exit 1
	done"
check "the killed instance is replaced" until_true 5 bash -c "
	n=\$('$tests/lab/lab' --name $LAB_NAME exec blade '$hapep' status --json |
		jq '[.instances[] | select(.state == \"running\")] | length')
	[[ \$n == 2 ]]"
expect "and it is another process" no "$([[ -e /proc/$victim ]] && echo yes || echo no)"
check "the log says what happened" blade grep -q 'killed by signal 9' /run/hapep/pep0/log

for pid in $(pids); do kill -9 "$pid"; done
check "all killed: connections queue and are served" both_fetch
check "up again after that" until_true 5 status_is 0

# One that does not answer is out of the listening group soon.
mapfile -t all < <(pids)
for pid in "${all[@]}"; do kill -STOP "$pid"; done
expect "stopped instances: degraded" degraded "$(state)"
for pid in "${all[@]}"; do kill -CONT "$pid"; done
check "continued: up" until_true 5 status_is 0

# ---- what the instances may do --------------------------------------------------------

pid=$(pids | head -n 1)
expect "an instance has CAP_NET_RAW and CAP_SYS_CHROOT alone" 0000000000042000 \
	"$(awk '/^CapEff/ { print $2 }' "/proc/$pid/status")"
expect "and nothing to regain" 0000000000042000 \
	"$(awk '/^CapBnd/ { print $2 }' "/proc/$pid/status")"
expect "no new privileges" 1 "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$pid/status")"
expect "a seccomp filter" 2 "$(awk '/^Seccomp:/ { print $2 }' "/proc/$pid/status")"
expect "not root" no "$([[ $(stat -c %u "/proc/$pid") == 0 ]] && echo yes || echo no)"
expect "an empty root directory" 0 "$(find "/proc/$pid/root/" -mindepth 1 2>/dev/null | wc -l)"
expect "its sockets and state are root's alone" "700 root" \
	"$(blade stat -c '%a %U' /run/hapep/pep0)"
expect "no state file for others" "" \
	"$(blade find /run/hapep/pep0 -type f -perm /077 -o -type s -perm /077)"

# ---- signals to the supervisor --------------------------------------------------------

pid=$(supervisor)
mapfile -t all < <(pids)
expect "two instances before the supervisor is killed" 2 "${#all[@]}"
kill -9 "$pid"
all_gone() { ! kill -0 "${all[@]}" 2>/dev/null; }
check "supervisor killed: its instances do not outlive it" until_true 2 all_gone
expect "supervisor killed: degraded" degraded "$(state)"
check "supervisor killed: up starts another" up
check "objects again" until_true 3 both_fetch
kill -TERM "$(supervisor)"
check "SIGTERM to the supervisor is a clean down" until_true 5 status_is 3
expect "which leaves nothing" "$before" \
	"$(blade bash -c 'ip link; tc qdisc; ip netns; find /run')"

# ---- two at once, other configuration, two blades -------------------------------------

up &
first=$!
up >"$scratch/second" 2>&1
second=$?
wait "$first"
first=$?
if ((first == 0 && second == 0)); then
	ok "two ups at once: the second found it up"
elif ((first + second == 1)) && grep -q 'another hapep' "$scratch/second"; then
	ok "two ups at once: one is refused clearly"
elif ((first + second == 1)); then
	ok "two ups at once: one is refused"
else
	not_ok "two ups at once" "statuses $first and $second: $(cat "$scratch/second")"
fi
check "one blade is up after that" both_fetch
sed 's/^processes = .*/processes = 1/' "$conf" >"$scratch/other.conf"
check "status tells what differs from a file" bash -c "'$tests/lab/lab' --name $LAB_NAME exec blade \
	'$hapep' status --config '$scratch/other.conf' | grep -q 'haproxy.processes = 2 -> 1'"
blade "$hapep" up --config "$scratch/other.conf" >"$scratch/out" 2>&1
expect "up with another configuration: exit 0" 0 $?
check "and it says what it changed" grep -q 'in service in .* haproxy.processes = 2 -> 1' "$scratch/out"
check "down" down
check "down again" down

# ---- the plumbing ---------------------------------------------------------------------

check "netns up alone" blade "$hapep" netns up --quiet --config "$conf"
expect "netns show: exit 0" 0 "$(blade "$hapep" netns show >/dev/null; echo $?)"
expect "no process runs for it" 0 "$(blade "$hapep" status --json | jq .supervisor_pid)"
check "tc up alone" blade "$hapep" tc up --quiet --config "$conf"
check "ping through the namespace without a proxy" client ping -c 1 -W $((2 * patience)) "$server4"
check "the control port is forwarded" client curl -sf -m $((5 * patience)) -o /dev/null "$(url 6 /8k 8080)"
check "up goes on from there" up
check "objects" until_true 3 both_fetch
check "tc down alone" blade "$hapep" tc down --quiet
expect "which leaves the namespace" pep0 "$(blade ip netns list | cut -d' ' -f1)"
check "down" down
expect "nothing is left" "$before" "$(blade bash -c 'ip link; tc qdisc; ip netns; find /run')"
check "render prints a configuration for each" bash -c "
	[[ \$('$tests/lab/lab' --name $LAB_NAME exec blade '$hapep' render --config '$conf' |
		grep -c '^global') == 2 ]]"
check "render --check" blade "$hapep" render --check --config "$conf"
check "config --check" blade "$hapep" config --check --config "$conf"
check "config --defaults is a description" bash -c "'$hapep' config --defaults | grep -q '^\[client\]'"

# ---- foreign things on the NIC --------------------------------------------------------

blade tc qdisc add dev nic0 ingress
blade tc filter add dev nic0 parent ffff: pref 7 protocol all u32 match u32 0 0 flowid 1:1
foreign=$(blade tc filter show dev nic0 parent ffff:)
check "up beside a foreign ingress qdisc" up
expect "the foreign filter is there" 1 \
	"$(blade tc filter show dev nic0 parent ffff: | grep -c 'pref 7 u32.*flowid 1:1')"
down
expect "it survives up and down" "$foreign" "$(blade tc filter show dev nic0 parent ffff:)"
blade tc qdisc del dev nic0 ingress
blade tc qdisc add dev nic0 clsact
blade tc filter add dev nic0 egress pref 3 protocol all u32 match u32 0 0 flowid 1:1
foreign=$(blade tc filter show dev nic0 egress)
check "up beside a foreign clsact" up
check "objects beside it" until_true 3 both_fetch
down
expect "a foreign clsact and its filter survive" "$foreign" \
	"$(blade tc filter show dev nic0 egress)"
test_end
