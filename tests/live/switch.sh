#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Scenarios switched under load: no connection fails, is reset or corrupted, established
# ones end where they began, and the instances that they had leave then.
# SWITCH_ALL=1: all ordered pairs of the four, and both engines (tests/full/switch.sh).
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

inside() { blade ip netns exec pep0 "$@"; }
status() { blade "$hapep" status --json; }

if [[ ${SWITCH_ALL:-} ]]; then
	# From NF-NO-IPT, along every edge of the complete graph, both ways.
	ways=(NO-NF NF-IPT:nft NO-NF SK-LOOKUP NO-NF NF-NO-IPT NF-IPT:iptables
		NF-NO-IPT SK-LOOKUP NF-IPT:nft SK-LOOKUP NF-NO-IPT
		NF-IPT:nft NF-IPT:iptables SK-LOOKUP NF-IPT:iptables NF-IPT:nft NO-NF)
	long=500 pause=2
else
	ways=(NF-IPT:nft SK-LOOKUP NF-IPT:iptables NF-NO-IPT SK-LOOKUP NO-NF)
	long=100 pause=1
fi

links() { # how many sk_lookup programs the namespace has, by the kernel's list
	bpftool -j link show | jq --argjson ino "$(blade stat -Lc %i /run/netns/pep0)" \
		'[.[] | select(.type == "netns" and .netns_ino == $ino)] | length'
}

# The ports that the present instances may accept from, by the kernel's word.
listening() {
	inside ss -Htln | awk '{ n = split($4, a, ":"); print a[n] }' | sort -un | xargs
}

# What leads packets to the instances, by each part's own tools.
led() {
	local sets xt
	sets=$(inside nft list ruleset 2>/dev/null | grep -c 'tproxy ip6\? to')
	xt=$( (inside iptables-save; inside ip6tables-save) 2>/dev/null |
		grep -c -- '-j TPROXY --on-port 1234')
	echo "$(listening); nft $sets, iptables $xt, sk_lookup $(links)"
}

wanted() { # SCENARIO[:ENGINE]
	case $1 in
	NF-IPT:nft) echo "1234; nft 2, iptables 0, sk_lookup 1" ;;
	NF-IPT:iptables) echo "1234; nft 0, iptables 2, sk_lookup 1" ;;
	SK-LOOKUP) echo "1234; nft 0, iptables 0, sk_lookup 2" ;;
	*) echo "80; nft 0, iptables 0, sk_lookup 1" ;;
	esac
}

# What the instances are: two that say the same here have nothing between them but rules.
listens() { # SCENARIO[:ENGINE]
	case $1 in
	NF-IPT:*) echo 1234 ;;
	SK-LOOKUP) echo 1234 by the program ;;
	*) echo 80 ;;
	esac
}

settled() { # SCENARIO[:ENGINE]
	[[ $(led) == "$(wanted "$1")" ]]
}

# "up SCENARIO", or what is not as it should be.
word() {
	status | jq -c 'if .state == "up" then "up \(.scenario | sub(" .*"; ""))" else
		[.reason, .gate, (.steps[] | select(.state != "present")),
		(.instances[] | select(.answers | not))] end' | tr -d '"'
}
is_up() { [[ $(word) == up* ]]; }

# Every HAProxy in the namespace, by the kernel's word.
haproxies() {
	local pid
	for pid in $(blade ip netns pids pep0); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != haproxy ]] || echo "$pid"
	done | sort
}

instances() {
	status | jq -r '.instances[].pid' | sort
}

switch_to() { # SCENARIO[:ENGINE]
	local name=${1%:*} engine=
	[[ $1 != *:* ]] || engine=${1#*:}
	# shellcheck disable=SC2086 # no engine is no argument
	blade "$hapep" scenario "$name" $engine --quiet
}

one() { # SCENARIO[:ENGINE]
	local what="$from -> $1" before
	traffic_lasts long "$long"
	before=$(instances)
	check "$what: switched" switch_to "$1" || return
	until_true 10 settled "$1"
	expect "$what: listeners and rules, by ss, nft, iptables-save, bpftool" \
		"$(wanted "$1")" "$(led)"
	until_true 10 is_up # a busy machine may be late to answer
	expect "$what: status" "up ${1%:*}" "$(word)"
	if [[ $(listens "$from") == "$(listens "$1")" ]]; then
		expect "$what: the same instances" "$before" "$(instances)"
	else
		expect "$what: other instances" "" "$(comm -12 <(echo "$before") <(instances))"
	fi
	check "$what: the load goes on" traffic_runs short
	from=$1
	sleep "$pause"
}

lab_begin
# shellcheck source=tests/traffic.sh
. "$tests/traffic.sh"
lab origin start >/dev/null
check "up" blade "$hapep" up --quiet --config "$lab_conf"
datapath_is
from=NF-NO-IPT
[[ -e /proc/sys/net/netfilter ]] || from=NO-NF
blade "$hapep" scenario NF-IPT --dry-run >"$scratch/dry"
check "a dry run says that nothing is interrupted" \
	grep -q '^blade.scenario = .* -> NF-IPT: .*; no interruption$' "$scratch/dry"
expect "and changes nothing" "$(wanted "$from")" "$(led)"

resets=$(traffic_resets)
stalls_watch
traffic_short short 32
before=$(instances)
one "${ways[0]}"
check "the first instances stay as long as they have connections, by the kernel" \
	test "$(comm -12 <(echo "$before") <(haproxies))" = "$before"
for way in "${ways[@]:1}"; do
	one "$way"
done
traffic_stop short
traffic_verdict short "short connections" $((${#ways[@]} * 1000 / patience))
traffic_lasted long "long transfers" "$long"
datapath_is
none_passed "none went past the proxy"
expect "no RST reached a client, by its kernel" "$resets" "$(traffic_resets)"
gone() { [[ $(haproxies) == "$(instances)" ]]; }
until_true 15 gone
expect "instances without connections have left" "$(instances)" "$(haproxies)"
expect "nothing is tracked" 0 \
	"$(inside cat /proc/sys/net/netfilter/nf_conntrack_count 2>/dev/null || echo 0)"

journal=$(blade cat /run/hapep/pep0/journal)
pids=$(haproxies)
switch_to "$from"
expect "a switch to the scenario in service: exit 0" 0 $?
expect "and it changes no process" "$pids" "$(haproxies)"
expect "nor the journal" "$journal" "$(blade cat /run/hapep/pep0/journal)"
check "up with scenario = auto keeps the scenario" \
	blade "$hapep" up --quiet --config "$lab_conf"
expect "by the rules" "$(wanted "$from")" "$(led)"
sed 's/^\[blade\]/&\nscenario = SK-LOOKUP/' "$lab_conf" >"$scratch/named.conf"
check "a dry run of up says that the file's scenario wins" bash -c "
	'$tests/lab/lab' --name $LAB_NAME exec blade '$hapep' up --dry-run \
		--config '$scratch/named.conf' | grep -q '^blade.scenario = .* -> SK-LOOKUP: '"
check "up goes to it" blade "$hapep" up --quiet --config "$scratch/named.conf"
until_true 10 settled SK-LOOKUP
expect "by the programs" "$(wanted SK-LOOKUP)" "$(led)"
check "down" blade "$hapep" down --quiet
expect "nothing is left of it" "" "$(blade find /run/hapep /run/netns 2>/dev/null)"
test_end
