#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An instance that lives and accepts, but has no descriptor for the connection to the
# server: it is found and named, the other one carries on, it comes back once it can
# proxy, and is replaced where it never can, but not while it carries a connection.
# And a server side that leads nowhere is no instance's fault.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/probes.sh
. "$tests/probes.sh"

# As the instances' own user, who needs no CAP_SYS_RESOURCE for it.
limit() { # PID DESCRIPTORS
	setpriv --reuid haproxy --regid haproxy --clear-groups \
		prlimit --pid "$1" --nofile="$2:"
}

# The limit that leaves one descriptor to an instance, to which nothing new comes just
# now: a connection is accepted with it, and none can be made. The supervisor's questions
# take some now and then.
one_left() { # PID
	local n least=99999 i
	for ((i = 0; i < 20; i++)); do
		n=0
		while [[ -L /proc/$1/fd/$n ]]; do n=$((n + 1)); done
		((n < least)) && least=$n
		sleep 0.03
	done
	echo $((least + 1))
}

state_is() { [[ $(status ".instances[$1].state") == "$2" ]]; } # K STATE
listening() { blade ip netns exec pep0 ss -Htln 'sport = :80' | wc -l; }
logged() { blade grep -q "$1" /run/hapep/pep0/log; } # REGEXP

lab_begin
stalls_watch
lab origin start >/dev/null
configure auto
check "up" up
mapfile -t instances < <(pids)
scarce=$(one_left "${instances[0]}")
descriptors=$(awk '/^Max open files/ { print $4 }' "/proc/${instances[0]}/limits")

# ---- one of two, and back -------------------------------------------------------------

probe 60
sleep 0.5
wedged=$(now)
check "a descriptor is left to one" limit "${instances[0]}" "$scarce"
check "it is found" until_true 5 state_is 0 not-proxying
found=$(now)
echo "# found after $((found - wedged)) ms"
expect "its stats socket answers all the while" true "$(status '.instances[0].answers')"
check "status says why" grep -q 'without an answer' <<<"$(status '.instances[0].fault')"
since=$(date -d "$(status '.instances[0].fault_since')" +%s%3N)
check "and since when" test "$since" -ge $((wedged - 300)) -a "$since" -le "$found"
expect "that is degraded" 1 "$(blade "$hapep" status >/dev/null; echo $?)"
check "the log says it" logged 'instance 0 .* has not proxied for .* without an answer'
expect "it listens no more" 1 "$(listening)"
expect "the gate stays open" open "$(status .gate.state)"
sleep 2
limit "${instances[0]}" "$descriptors"
restored=$(now)
check "with descriptors it serves again" until_true 5 state_is 0 running
expect "the same process" "${instances[0]}" "$(status '.instances[0].pid')"
check "both listen" until_true 2 eval '[[ $(listening) == 2 ]]'
check "the log says that too" logged 'instance 0 .* proxies again, after'
sleep 3
enough
all_go "wedged: the other one serves" proxied "$wedged" "$restored"
all_go "back: both serve" proxied "$restored" 99999999999999
tell "one of two wedged" "$wedged"
# What it had accepted until it was found, it could not connect.
expect "none fails that begins after it was found" 0 \
	"$(count "$found" 99999999999999 '$4 != "ok"')"

# ---- never again, with a connection and without ---------------------------------------

mapfile -t instances < <(pids)
transfers_begin
busy=$(status '[.instances[] | select(.connections > 0)][0].instance')
check "a transfer is under way through one" test "$busy" != null
left=$(one_left "${instances[busy]}")
limit "${instances[busy]}" 0
check "without any descriptor it does not answer" \
	until_true 5 state_is "$busy" not-answering
limit "${instances[busy]}" "$descriptors"
check "and with them it does" until_true 5 state_is "$busy" running
limit "${instances[busy]}" "$left"
check "with too few it does not proxy" until_true 5 state_is "$busy" not-proxying
sleep $((18 * patience))
expect "it is not killed while it carries a connection" "${instances[busy]}" \
	"$(status ".instances[$busy].pid")"
# What its transfer has of descriptors would do for another connection.
limit "${instances[busy]}" "$scarce"
transfers_end "wedged meanwhile"

replaced() { state_is "$busy" running && ! pids | grep -qx "${instances[busy]}"; }
check "without a connection it is replaced" until_true 25 replaced
check "which the log explains" logged 'carries nothing any more: killing it'

# ---- all of them ----------------------------------------------------------------------

mapfile -t instances < <(pids)
probe 60
wedged=$(now)
for pid in "${instances[@]}"; do limit "$pid" "$scarce"; done
check "all wedged: the gate is shut" until_true 5 gate_is pass
shut=$(now)
check "and says why" grep -q 'not-proxying' <<<"$(status .gate.reason)"
sleep 2
restored=$(now)
for pid in "${instances[@]}"; do limit "$pid" "$descriptors"; done
check "the gate opens again" until_true 5 gate_is open
opened=$(now)
sleep 1.5
enough
all_go "all wedged: past the proxy" forwarded "$shut" "$restored"
all_go "and then proxied" proxied "$opened" 99999999999999
tell "all wedged" "$wedged"

# ---- a server side that leads nowhere -------------------------------------------------

lab exec server ip link set lo down
blade ip netns exec pep0 ip link set server down
sleep 2
expect "no way to the servers: every instance serves" "running running" \
	"$(status '[.instances[].state] | join(" ")')"
expect "and the gate stays open" open "$(status .gate.state)"
test_end
