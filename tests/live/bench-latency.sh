#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hapep bench latency: what the probe sees agrees with what the client sees.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

scratch=$(mktemp -d)
trap test_cleanup EXIT
trap 'exit 130' INT TERM

result() { # FILTER
	jq -r "$1" "$scratch/run/result.json"
}

check "a short run" "$hapep" bench latency --quick --quiet --output "$scratch/run"
expect "every case is measured, or says why not" 5 "$(result '.samples as $s |
	[.cases[] | .name as $n | select((.possible | not) and (.reason | length > 0) or
	any($s[]; .case == $n and .metrics.segments > 10))] | length')"
expect "no message was lost or changed" 0 "$(result '[.samples[].metrics.failures] | add')"
# Each message passes the blade twice, and is one segment; one in a hundred may be sent
# again where the machine is busy.
expect "the probe knows every message again, both ways" true \
	"$(result '[.samples[] | .load.transactions as $n | .residence[] |
		.matched >= $n and .matched <= $n * 1.01 + 1 and
		.out - .matched <= $n / 100 + 1] | all')"
expect "the histogram has each of them" true \
	"$(result '[.samples[].residence[] | ([.histogram_us[][1]] | add) == .matched] | all')"
expect "what the client waits is longer than what the blade takes" true \
	"$(result '[.samples[].metrics | .round_trip_p50_us > .residence_p50_us] | all')"
expect "forwarding takes the least" "forwarding" \
	"$(result '[.samples[] | {case, t: .metrics.residence_p50_us}] | min_by(.t).case')"
expect "the probe takes less than 1 us a packet" true \
	"$(result '.probe_ns | [.in, .out, .out_unknown] | all(. > 0 and . < 1000)')"
expect "the two differences that the thread argues about" "what proxying costs us" \
	"$(result '.comparisons[0] | "\(.factor) \(if has("difference") then "us" else "" end)"')"
check "the figure" grep -q 'hapep' "$scratch/run/residence.svg"
expect "nothing is left" "" "$(ip netns list | grep -o '^hapep-bench[^ ]*')"
test_end
