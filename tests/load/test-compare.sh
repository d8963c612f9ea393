#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The comparison with wrk and ab passes and fails by its own verdicts; no load is made.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# TPS of load and wrk, what load told of 40000 seen, its CPU seconds; wrk's are 1.2.
rounds() { # LOAD WRK TOLD CPU
	local round
	for round in 1 2 3; do
		cat <<-ROUND
			$round load $1 $3 40000 3000 0.1 $4
			$round wrk $2 39936 40000 3100 0.2 1.0
			$round ab 9000 39990 40000 3200 0.2 1.3
			$round sources $1 40000 40000 3000 0.1 $4
		ROUND
	done >"$scratch/rounds"
}

judged() { # NAME STATUS WHAT-FAILED
	"$tests/load/compare_wrk.sh" --judge "$scratch/rounds" >"$scratch/out" 2>&1
	expect "$1: exit $2" "$2" $?
	expect "$1: what failed" "$3" "$(sed -n 's/^not ok \([a-z]*: [a-z ]*\).*/\1/p' "$scratch/out")"
}

rounds 10100 10000 40000 0.9
judged "faster, and every count right" 0 ""
rounds 9800 10000 40000 0.9
judged "the server sets the pace, less CPU" 0 ""
rounds 9800 10000 40000 1.2
judged "a little slower, for more CPU" 1 \
	"$(printf 'load: %s\n' "as fast as wrk" "costs no more than wrk")"
rounds 9500 10000 40000 0.9
judged "slower" 1 "load: as fast as wrk"
rounds 10100 10000 39900 0.9
judged "a count that is not nginx's" 1 "load: counts as nginx does"
rounds 10100 10000 38700 0.9
judged "nor wrk's and ab's" 1 "$(printf 'load: counts as %s does\n' nginx wrk ab)"
test_end
