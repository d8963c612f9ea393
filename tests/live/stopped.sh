#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A supervisor that is stopped, and so holds its lock and its socket and answers nothing:
# status says so, up has another in its place, by which both families are proxied again,
# and down takes it out; one that goes on in time is left alone.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/probes.sh
. "$tests/probes.sh"

# What is there of the machine, by ip, tc and find.
machine() { blade bash -c 'ip link; tc qdisc; ip netns; find /run'; }

stop() { # and what up will have to end
	pid=$(supervisor)
	serving=$(pids)
	stopped=$(now)
	kill -STOP "$pid"
}

# Between, the former's connections go past the proxy; afterwards every one is proxied.
goes_on() { # NAME
	local address
	probe 60
	stop
	until_true 5 gate_is pass
	told "$1: status" 1 status --json
	expect "$1: not up, and it does not answer" "degraded false" \
		"$(jq -r '"\(.state) \(.supervisor_answers)"' "$scratch/out")"
	jq -r .supervisor_fault "$scratch/out" >"$scratch/fault"
	says "$1: which, how, and what to do" \
		"\(pid $pid\) is there but does not answer: .*stopped \(state T\).*kill -CONT $pid.*hapep up" \
		"$scratch/fault"
	expect "$1: the gate tells why" "pass the supervisor does not answer" \
		"$(jq -r '.gate | "\(.state) \(.reason)"' "$scratch/out")"
	again=$(now)
	replaced "$1"
	sleep 1
	enough
	all_go "$1: stopped, past the proxy" forwarded "$stopped" "$again"
	all_proxied "$1: replaced, proxied" "$up_at"
	for address in "$server4" "$server6"; do
		check "$1: of $address too" test "$(awk -v from="$up_at" '$1 >= from &&
			$3 == "proxied" { n++ } END { print n + 0 }' "$scratch/$address")" -ge 20
	done
	tell "$1" "$stopped"
}

down_at_once() { # NAME
	stop
	mapfile -t instances <<<"$serving"
	told "$1: down" 0 down
	expect "$1: it ended by itself, and was not killed" 0 "$(grep -c killing "$scratch/said")"
	expect "$1: down leaves nothing" "$before" "$(machine)"
	check "$1: no process either" ended "$pid" "${instances[@]}"
}

# ---- left alone: it goes on before the limit ------------------------------------------

lab_begin
stalls_watch
lab origin start >/dev/null
before=$(machine)
configure NO-NF
check "up" up
stop
told "status as text" 1 status
says "it says which, how, and what to do" \
	"^supervisor fault: .*pid $pid.*state T.*hapep up" "$scratch/out"
says "and beside the step" '^ *proxy +differs .*does not answer' "$scratch/out"
blade "$hapep" up --config "$conf" 2>"$scratch/said" &
upping=$!
waits() { grep -q 'if it is silent for another' "$scratch/said"; }
check "up says what it waits for" until_true 5 waits
kill -CONT "$pid"
wait "$upping"
expect "it goes on: up is content" 0 $?
says "and says so" 'silent no more'
expect "the same supervisor, the same instances" "$pid $serving" "$(supervisor) $(pids)"

# ---- stopped --------------------------------------------------------------------------

for scenario in NO-NF SK-LOOKUP; do
	possible "$scenario" nft || continue
	configure "$scenario"
	check "$scenario: up" up
	goes_on "$scenario"
	down_at_once "$scenario"
done

# ---- stopped in the midst of a change, which had come to its last point ---------------

configure auto
sed 's/^ports = 80/&, 8080/' "$conf" >"$scratch/next"
check "up once more" up
blade env HAPEP_FAULT=before:change-commit "$hapep" up --config "$scratch/next" >/dev/null 2>&1
expect "a change is cut short" true "$(status 'has("unfinished_change")')"
stop
told "amid a change: up finishes it" 0 up --config "$scratch/next"
expect "amid a change: it is up" up "$(status .state)"
check "amid a change: and back" up
check "down" down
test_end
