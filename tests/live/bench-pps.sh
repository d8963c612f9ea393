#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hapep bench pps: what the generators say agrees with the kernel's own counters.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

LAB_NAME=t$$
export LAB_NAME HAPEP_LAB=$LAB_NAME HAPEP=$hapep
scratch=$(mktemp -d)
export HAPEP_RUN=$scratch
trap test_cleanup EXIT
trap 'exit 130' INT TERM

driver() { "$BUILD/libexec/hapep/bench/driver" "$@"; }
inside_blade() { ip netns exec "hapep-$LAB_NAME-blade" "$@"; }
counter() { # DEVICE COUNTER
	inside_blade ip -j -s link show "$1" | jq ".[0].stats64.$2"
}

# By the links' own counters, which know of neither: what came in went out at the other
# side, packet by packet; and what the one generator sent in the span of time that
# counts, the other counted, but for what a busy machine drops at its socket.
through() { # KIND SIZE
	local in0 out1 bytes sent counted
	in0=$(counter nic0 rx.packets) out1=$(counter nic1 tx.packets)
	bytes=$(counter nic1 tx.bytes)
	driver packets "$1" "size=$2" seconds=0.3 warmup=0.1 >"$scratch/load.json" || return 1
	in0=$(($(counter nic0 rx.packets) - in0)) out1=$(($(counter nic1 tx.packets) - out1))
	bytes=$(($(counter nic1 tx.bytes) - bytes))
	sent=$(jq .client.sent "$scratch/load.json")
	counted=$(jq .server.received "$scratch/load.json")
	# tc's frames have their tag beside them, not in them.
	echo "sent $sent, in $in0, out $out1, counted $counted, $bytes bytes of $2 each"
	((sent > 100 && in0 >= sent && out1 == in0)) &&
		((counted <= sent && counted * 100 >= sent * 97)) &&
		((bytes == out1 * $2 || bytes == out1 * ($2 - 4)))
}

matched() { # how many rules a packet's destination may meet in tc
	inside_blade tc filter show dev nic0 ingress | grep -c 'mirred (Egress Redirect to device nic1)'
}

# Slots that are taken in the program's table, which has as many buckets as only it has.
map_rules() {
	local program map
	program=$(inside_blade tc -j filter show dev nic0 ingress | jq '[.[].options.prog.id? // empty][0]')
	for map in $(bpftool -j prog show id "$program" | jq '.map_ids[]'); do
		[[ $(bpftool -j map show id "$map" | jq '.max_entries') != 12288 ]] ||
			bpftool map dump id "$map" |
			jq '[.[].value.rule[] | select(. != 0)] | length'
	done
}

direct() { # how many filters whose program redirects by itself
	inside_blade tc filter show dev nic0 ingress | grep -c direct-action
}

check "the packets' own lab" driver begin packets
for kind in rules-bpf-1 rules-bpf-1024 rules-bpf-131072 rules-cls_bpf-1 rules-cls_bpf-131072 \
	rules-mirred-1 rules-mirred-1024; do
	check "$kind comes up" driver up $kind none
	[[ $kind != rules-mirred-* ]] ||
		expect "$kind: tc has so many rules" "${kind##*-}" "$(matched)"
	[[ $kind != rules-*bpf-* ]] ||
		expect "$kind: the table has so many" "${kind##*-}" "$(map_rules)"
	[[ $kind != rules-bpf-* ]] ||
		expect "$kind: BPF redirects, mirred does not" "1 0" "$(direct) $(matched)"
	[[ $kind != rules-cls_bpf-* ]] ||
		expect "$kind: one filter, whose action is mirred" "0 1" "$(direct) $(matched)"
	for size in 78 1500; do
		check "$kind, $size bytes: it goes through" through $kind $size
	done
	check "$kind goes" driver down $kind
done
expect "no rule is left" "" "$(inside_blade tc filter show dev nic0 ingress)"
driver packets none size=78 seconds=0.2 warmup=0.1 >"$scratch/load.json" 2>/dev/null
expect "without rules nothing comes through" 0 "$(jq '.server.received + .client.received' "$scratch/load.json")"
check "the end" driver end
expect "no lab is left" "" "$(ip netns list | grep "hapep-$LAB_NAME-")"

# ---- the benchmark itself ----------------------------------------------------------------

result() { # FILTER
	jq -r "$1" "$scratch/run/result.json"
}
check "a short run" "$hapep" bench pps --quick --quiet --output "$scratch/run"
expect "every case is measured, or says why not" 45 "$(result '.samples as $s |
	[.cases[] | .name as $n | select((.possible | not) and (.reason | length > 0) or
	any($s[]; .case == $n and .metrics.through_kpps > 0))] | length')"
expect "both ways add up" true "$(result '[.samples[].metrics |
	(.to_server_kpps + .to_client_kpps - .through_kpps | fabs) < 0.001 and
	.latency_p99_us > 0 and .install_s > 0] | all')"
expect "nothing is left" "" "$(ip netns list | grep -o '^hapep-bench[^ ]*')"
test_end
