#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A change in service failed and killed at each of its points: the former configuration
# serves on, or the next one where it had come to that, and the next up or down resolves
# it. At each point two of the six ways, or CHANGE_FAULTS_ALL=1: all (tests/full).
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/vm/snapshot.sh
. "$tests/vm/snapshot.sh"

inside() { blade ip netns exec pep0 "$@"; }
status() { blade "$hapep" status --json | jq -r "$1"; }
change() { # CONFIG [FAULT]
	blade env HAPEP_LAB_MARK="$LAB_NAME" ${2:+HAPEP_FAULT="$2"} \
		"$hapep" up --quiet --config "$1"
}

take() { # DIR
	mkdir -p "$1"
	blade bash -c "
		. '$tests/vm/snapshot.sh'
		snapshot_processes() { :; }
		snapshot_bpf() { :; } # the machine's, other labs' too
		snapshot_take '$1' nic0" >/dev/null 2>&1
}

same() { # DIR DIR
	local kind bad=0
	for kind in "$1"/*; do
		diff -U0 "$kind" "$2/${kind##*/}" || bad=1
	done
	return "$bad"
}

# What is in service, by the kernel: rules, what maps the ports, routes' congestion, MTU.
shape() {
	inside ip -j rule | jq -c '[.[] | [.dport, .dport_start, .sport, .sport_start]]'
	inside ip -j -6 rule | jq -c '[.[] | [.dport, .dport_start, .sport, .sport_start]]'
	inside nft list ruleset 2>/dev/null | grep tproxy
	(inside iptables-save; inside ip6tables-save) 2>/dev/null | grep TPROXY
	inside ip route show table all proto 104
	inside ip -j link | jq -c '[.[] | [.ifname, .mtu]]'
	inside ss -Htln | awk '{ n = split($4, a, ":"); print a[n] }' | sort -un
}

fetches() { # WHAT: new connections of both families, by the proxy
	local family
	for family in 4 6; do
		check "$1: serves IPv$family" client curl -sf -m 5 -o /dev/null "$(url "$family" /8k)"
	done
}

# The shape comes to be that of the file (former listeners wait for their handshakes).
is_shape() { [[ $(shape) == "$(<"$1")" ]]; }
serves() { # WHAT SHAPE
	until_true 10 is_shape "$2"
	check "$1" diff "$2" <(shape)
	fetches "$1"
	expect "$1: no instance too many" "$(status '.instances | length')" \
		"$(status '[.instances, (.next // [] | .[].instances)] | flatten | length')"
}

failed() { # WHERE POINT
	local what="$1 at $2"
	change "$next" "$1:$2" >"$scratch/out" 2>&1
	expect "$what: exit 1" 1 $? || cat "$scratch/out"
	serves "$what: the former serves" "$scratch/former"
}

killed() { # WHERE POINT [FAULTS]: then `up` with the former configuration, or `down`
	local what="killed $1 $2" status
	change "$next" "${3:-$1:$2}" >"$scratch/out" 2>&1
	status=$?
	if ((status != 137)); then
		not_ok "$what" "status $status: $(cat "$scratch/out")"
		return
	fi
	fetches "$what: at once"
	[[ $1 == record ]] || expect "$what: status tells of it" true \
		"$(status 'has("unfinished_change")')"
	if ((++kills % 3 == 0)); then
		check "$what: down" blade "$hapep" down --quiet
		take "$scratch/down"
		check "$what: down restores" same "$scratch/nothing" "$scratch/down"
		change "$former"
		return
	fi
	check "$what: up resolves it" change "$former"
	serves "$what: and the former serves" "$scratch/former"
}

# Killed at the last point of a change, and the supervisor with it.
supervisor_too() {
	local what="killed before change-commit, and the supervisor"
	change "$next" before:change-commit >"$scratch/out" 2>&1
	kill -KILL "$(status .supervisor_pid)"
	check "$what: up finishes it" change "$next"
	expect "$what: up" up "$(status .state)"
	check "$what: and goes back" change "$former"
	serves "$what: the former serves" "$scratch/former"
}

lab_begin
lab origin start --port 80,8080 >/dev/null
former=$scratch/former.conf next=$scratch/next.conf kills=0
take "$scratch/nothing"
sed 's/^\[blade\]/&\nscenario = NF-NO-IPT/' "$lab_conf" >"$former"
# Each part of the walk has something to do: what comes, what changes, other instances.
sed -e 's/^\[blade\]/&\nscenario = NF-IPT/' -e 's/^ports = .*/ports = 80, 8080/' \
	-e 's/^\[client\]/&\ncongestion = reno\nmtu = 1450/' -e 's/^\[server\]/&\nmtu = 1450/' \
	-e 's/10\.1\.0\.2/10.1.0.3/' "$lab_conf" >"$next"
change "$former"
shape >"$scratch/former"
points=$(blade "$hapep" up --dry-run --config "$next" |
	sed -nE 's/^# ([a-z-]*) (changes|comes|goes|is undone).*/\1/p')
check "the change has many points" test "$(wc -w <<<"$points")" -ge 8

# Of a pair, the one whose turn it is, or both.
turn=0
either() { # WHAT ONE OTHER POINT
	if [[ ${CHANGE_FAULTS_ALL:-} ]]; then
		"$1" "$2" "$4"
		"$1" "$3" "$4"
	elif ((turn % 2)); then
		"$1" "$2" "$4"
	else
		"$1" "$3" "$4"
	fi
}

for point in prepare $points; do
	either failed partial fail "change-$point"
	either killed after before "change-$point"
	turn=$((turn + 1))
done
failed fail change-commit
either killed before after change-commit
supervisor_too
killed record change-change
killed record change-tproxy
# Killed on the way back.
for point in addresses tc-inner rules; do
	killed after "back-$point" "fail:change-commit,after:back-$point"
done

# What goes, and what is replaced: from NF-IPT, and back.
change "$next"
no_listener_80() { [[ ! $(inside ss -Htln 'sport = :80') ]]; }
until_true 10 no_listener_80
shape >"$scratch/former"
mv "$next" "$scratch/swap" && mv "$former" "$next" && mv "$scratch/swap" "$former"
failed fail change-tproxy
killed undo change-tproxy
killed after change-rules
check "down" blade "$hapep" down --quiet
take "$scratch/down"
check "down leaves no trace" same "$scratch/nothing" "$scratch/down"
test_end
