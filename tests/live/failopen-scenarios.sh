#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Failing open and draining in each scenario: what HAProxy listens on and how it is led
# there differ, what becomes of new connections does not.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/probes.sh
. "$tests/probes.sh"

sockets() { blade ip netns exec pep0 ss -Htn state established '( sport = :80 )' | wc -l; }

# The listening sockets, which at any one time may be more than one port's.
listening() { blade ip netns exec pep0 ss -Htln | wc -l; }

# Under one stream: all killed, then back; one of two stopped, then continued.
instances_die() { # WHAT
	local killed back opened stopped
	mapfile -t instances < <(pids)
	probe 60
	mv "$scratch/haproxy" "$scratch/away"
	killed=$(now)
	signal_all KILL
	sleep 1.8
	back=$(now)
	check "$1, all killed: the gate is shut" until_true 2 gate_is pass
	mv "$scratch/away" "$scratch/haproxy"
	check "$1, back: the gate opens" until_true 10 gate_is open
	opened=$(now)
	check "$1: both are back" until_true 10 eval '[[ $(pids | wc -l) == 2 ]]'
	mapfile -t instances < <(pids)
	sleep 1.6
	stopped=$(now)
	kill -STOP "${instances[0]}"
	sleep 1.6
	expect "$1, one of two stopped: the gate stays open" open "$(status .gate.state)"
	check "$1: it listens no more" until_true 2 eval '[[ $(listening) == 1 ]]'
	kill -CONT "${instances[0]}"
	check "$1: continued, it listens again" until_true 2 eval '[[ $(listening) == 2 ]]'
	sleep 0.5
	enough
	all_go "$1, all killed: past the proxy" forwarded "$killed" "$back"
	all_go "$1, back: proxied" proxied "$opened" "$stopped"
	tell "$1" "$killed"
	# What it had accepted just then waits for it.
	all_proxied "$1, one of two stopped: none fails, or goes past, at any time" "$stopped"
	check "$1: each takes its share again" shares
}

# Both instances accept what is new, by their own count.
shares() {
	local before after i
	mapfile -t before < <(status '.instances[].accepted')
	for ((i = 0; i < 40; i++)); do
		client curl -sf -m 5 -o /dev/null "$(url $((4 + 2 * (i % 2))) /1k)" || return 1
	done
	mapfile -t after < <(status '.instances[].accepted')
	((after[0] > before[0] && after[1] > before[1])) ||
		{ echo "${before[*]}, then ${after[*]}"; return 1; }
}

supervisor_dies() { # WHAT
	local killed again pid
	pid=$(supervisor)
	probe 60
	killed=$(now)
	kill -KILL "$pid"
	sleep 1.8
	again=$(now)
	check "$1, supervisor killed: the gate is shut" until_true 2 gate_is pass
	check "$1: up starts another" up
	enough
	all_go "$1, supervisor killed: past the proxy" forwarded "$killed" "$again"
	tell "$1, supervisor killed" "$killed"
}

# A proxied transfer to its end, past which new connections go.
drains() { # WHAT
	transfers_begin
	blade "$hapep" drain --quiet --timeout 200ms >/dev/null 2>&1
	probe 0.4
	probed
	expect "$1, drained: past the proxy" "forwarded ok" \
		"$(cut -d' ' -f3,4 "$scratch/probes" | sort -u)"
	expect "$1, drained: the transfers are proxied still" 2 "$(sockets)"
	kill -CONT "${transfer_pids[@]}"
	check "$1: drain waits for them" blade "$hapep" drain --quiet --timeout 40s
	transfers_end "$1"
	check "$1: undrain" blade "$hapep" undrain --quiet
	probe 0.4
	probed
	expect "$1, undrained: proxied" "proxied ok" \
		"$(cut -d' ' -f3,4 "$scratch/probes" | sort -u)"
}

lab_begin
stalls_watch
lab origin start >/dev/null
for way in NO-NF:nft NF-IPT:nft NF-IPT:iptables SK-LOOKUP:nft; do
	possible "${way%:*}" "${way#*:}" || continue
	what=${way%:nft}
	configure "${way%:*}" "${way#*:}"
	check "$what: up" up || continue
	expect "$what: it is that one" "${way%:*}" "$(status .scenario | cut -d' ' -f1)"
	case $way in
	*:iptables) supervisor_dies "$what" ;;
	SK-LOOKUP:* | NF-IPT:*)
		instances_die "$what"
		supervisor_dies "$what"
		drains "$what"
		;;
	*) drains "$what" ;; # the rest is failopen's
	esac
	check "$what: down" down
done
test_end
