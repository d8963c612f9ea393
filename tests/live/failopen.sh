#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Instances, all or one, and the supervisor killed and stopped under a stream of new
# connections: which way each takes, by the hop limit that the client sees; and a long
# transfer that began while the gate was shut.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/probes.sh
. "$tests/probes.sh"

listening() { [[ $(blade ip netns exec pep0 ss -Htln 'sport = :80' | wc -l) == "$1" ]]; }

# ---- all killed, and kept from coming back --------------------------------------------

lab_begin
stalls_watch
lab origin start >/dev/null
configure auto
check "up" up
expect "the gate is open" open "$(status .gate.state)"
expect "and nothing has passed it" 0 "$(status .gate.passed_packets)"

mapfile -t instances < <(pids)
probe 4
mv "$scratch/haproxy" "$scratch/away"
killed=$(now)
signal_all KILL
sleep 2
check "all killed: the gate is shut" until_true 2 gate_is pass
check "it says why" grep -q 'killed by signal 9' <<<"$(status .gate.reason)"
expect "and that is degraded" 1 "$(blade "$hapep" status >/dev/null; echo $?)"
back=$(now)
mv "$scratch/away" "$scratch/haproxy"
check "back: the gate opens" until_true 10 gate_is open
opened=$(now)
probed
all_go "all killed: past the proxy" forwarded "$killed" "$back"
tell "all killed" "$killed"
echo "# all killed: first to pass after $(first "$killed" '$3 == "forwarded"') ms"
probe 3
probed
all_go "back: proxied" proxied "$opened" 99999999999999
check "the counter tells of them" test "$(status .gate.passed_connections)" -ge 50
check "the log tells when and why" blade grep -q 'gate: pass: .* killed by signal 9' \
	/run/hapep/pep0/log

# ---- all stopped, and a long transfer meanwhile ---------------------------------------

down
up
mapfile -t instances < <(pids)
probe 60
stopped=$(now)
signal_all STOP
sleep 1.2
check "all stopped: the gate is shut" until_true 2 gate_is pass
transfers_begin
sleep 0.8
continued=$(now)
signal_all CONT
sleep 2
check "continued: the gate is open" until_true 2 gate_is open
enough
expect "the transfers have no socket in the namespace" "" \
	"$(blade ip netns exec pep0 ss -Htn state established)"
check "and go on" kill -0 "${transfer_pids[@]}"
all_go "all stopped: past the proxy" forwarded "$stopped" "$continued"
all_go "continued: proxied" proxied "$continued" 99999999999999
tell "all stopped for 2 s" "$stopped"
expect "nobody was killed for it" "${instances[*]}" "$(pids | xargs)"
transfers_end "forwarded at first, though the gate is open"

# ---- one of two does not answer -------------------------------------------------------

probe 60
stopped=$(now)
kill -STOP "${instances[0]}"
sleep 2
expect "one of two stopped: the gate stays open" open "$(status .gate.state)"
expect "it is named" not-answering "$(status '.instances[0].state')"
check "it listens no more" until_true 2 listening 1
sleep 4
check "it is killed at last, and another serves" until_true 20 bash -c "
	[[ \$('$tests/lab/lab' --name $LAB_NAME exec blade '$hapep' status --json |
		jq -r '.instances[0] | .state + (.pid | tostring)') =~ ^running ]]"
expect "another process" no "$(pids | grep -qx "${instances[0]}" && echo yes || echo no)"
check "both listen" until_true 2 listening 2
enough
all_go "one of two stopped: the other serves" proxied "$stopped" $((stopped + 6000))
tell "one of two stopped" "$stopped"
# But those that it had accepted just then: they end with it.
expect "one of two stopped: none fails that begins later" 0 \
	"$(count $((stopped + 100)) 99999999999999 '$4 != "ok"')"

# ---- the supervisor -------------------------------------------------------------------

check "up again" until_true 5 gate_is open
pid=$(supervisor)
probe 3
stopped=$(now)
kill -STOP "$pid"
sleep 2
continued=$(now)
kill -CONT "$pid"
probed
all_go "supervisor stopped: past the proxy" forwarded "$stopped" "$continued"
tell "supervisor stopped" "$stopped"
check "it goes on" until_true 2 gate_is open

probe 4
killed=$(now)
kill -KILL "$pid"
sleep 2
check "supervisor killed: the gate is shut" until_true 2 gate_is pass
check "status says why" grep -q 'no supervisor' <<<"$(status .gate.reason)"
again=$(now)
check "up starts another" up
probed
all_go "supervisor killed: past the proxy" forwarded "$killed" "$again"
tell "supervisor killed" "$killed"
echo "# supervisor killed: first to pass after $(first "$killed" '$3 == "forwarded"') ms"
check "and the gate is open again" until_true 2 gate_is open

# ---- the filter that the gate is in ---------------------------------------------------

blade ip netns exec pep0 tc qdisc del dev client clsact
check "tc/steer gone: up mends it" up
check "the supervisor finds the new gate" until_true 2 gate_is open
probe 3
mended=$(now)
probed
all_go "after that: proxied" proxied "$mended" 99999999999999

# ---- how fast, over and over ----------------------------------------------------------

rounds=${FAILOPEN_ROUNDS:-${HAPEP_TEST_FULL:+20}}
touch "$scratch/past" "$scratch/proxied"
stood=0 # rounds that are not counted, as the whole machine stood still
for ((i = 0; i < ${rounds:-2}; i++)); do
	down
	up
	mapfile -t instances < <(pids)
	probe 1.6
	sleep 0.2
	killed=$(now)
	signal_all KILL
	probed
	if ((stood < 10)) && stalled "$killed" "$(now)" >/dev/null; then
		stood=$((stood + 1)) i=$((i - 1))
		continue
	fi
	first "$killed" '$3 == "forwarded" && $4 == "ok"' >>"$scratch/past"
	# The log has local time, to the millisecond, of an instance's first answer.
	accepts=$(blade awk '/gate: pass/ { seen = 1 } seen && / accepts/ { print $1, $2; exit }' \
		/run/hapep/pep0/log)
	first "$(date -d "$accepts" +%s%3N)" '$3 == "proxied" && $4 == "ok"' \
		>>"$scratch/proxied"
done
spread() { # FILE
	sort -n "$1" | awk '{ v[NR] = $1 } END { printf "median %d ms, worst %d ms of %d",
		v[int((NR + 1) / 2)], v[NR], NR }'
}
echo "# kill of all instances to the first connection that passes: $(spread "$scratch/past")"
echo "# an instance's first answer to the first proxied: $(spread "$scratch/proxied")"
expect "each passes within 1 s" "${rounds:-2}" "$(awk '$1 < 1000' "$scratch/past" | wc -l)"
expect "each is proxied again within 1 s" "${rounds:-2}" \
	"$(awk '$1 < 1000' "$scratch/proxied" | wc -l)"

# ---- fail = closed --------------------------------------------------------------------

down
configure auto nft 'fail = closed'
check "up with fail = closed" up
mapfile -t instances < <(pids)
probe 2
mv "$scratch/haproxy" "$scratch/away"
killed=$(now)
signal_all KILL
sleep 1.5
expect "fail = closed: nothing passes" 0 "$(status .gate.passed_packets)"
mv "$scratch/away" "$scratch/haproxy"
probed
expect "fail = closed: none goes past the proxy" 0 "$(count "$killed" 99999999999999 '$3 == "forwarded"')"
tell "fail = closed, all killed" "$killed"
kill -KILL "$(supervisor)"
sleep 1
probe 0.5
probed
expect "fail = closed, supervisor killed: none is served" 0 \
	"$(count 0 99999999999999 '$4 == "ok" || $3 != "-"')"
test_end
