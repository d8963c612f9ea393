#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What it is worth that a connection stays on one core: TPS and the machine's CPU time a
# transaction, interleaved rounds of
#   one    RPS steers both directions of a flow to a CPU, whose own instance accepts it
#   split  the same, each instance moved to the other CPU
#   hash   RPS, and the kernel's own choice of the instance
#   plain  no RPS: the CPU that sent a frame receives it; the kernel's own choice
# The flow hash that RPS uses is the same for both directions (flow dissector).
# Needs two CPUs, which generator and origin share: the ratios count, not the figures.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-4}
ways=(one split hash plain)

steer() { # MASK of the CPUs that RPS spreads flows over; 0: none
	local queue
	for queue in $(blade sh -c 'echo /sys/class/net/nic0/queues/rx-*/rps_cpus'); do
		blade sh -c "echo $1 >$queue" || return 1
	done
}

up() { # WAY
	local accept=cpu pids=() at=0 pid
	[[ $1 != hash && $1 != plain ]] || accept='hash'
	sed "s/^\[haproxy\]/&\naccept = $accept\ncpus = 0,1/" "$lab_conf" \
		>"$scratch/core.conf"
	blade "$hapep" up --quiet --config "$scratch/core.conf" 2>"$scratch/why" ||
		return 1
	[[ $1 == plain ]] && { steer 0; return; }
	steer 3 || return 1
	[[ $1 == split ]] || return 0
	mapfile -t pids < <(blade "$hapep" status --json | jq -r '.instances[].pid')
	for pid in "${pids[@]}"; do
		taskset -a -p -c $((1 - at++)) "$pid" >/dev/null || return 1
	done
}

busy() { # the machine's CPU time so far, in ticks: user, nice, system, irq, softirq
	awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat
}

run() { # NUMBER: "TPS MICROSECONDS-A-TRANSACTION"
	local before after report
	before=$(busy)
	report=$(client "$load" --target "$server4:80" --path /8k --expect-size 8192 --json \
		--source "10.100.$1.1-10.100.$1.250" --connections 32 \
		--duration "$seconds" --warmup 0 2>"$scratch/why")
	after=$(busy)
	jq -e '.failures.total == 0' <<<"$report" >/dev/null ||
		{ jq -c '{transactions, failures, first_failures}' <<<"$report" >"$scratch/why"; return 1; }
	jq -r --argjson ticks $((after - before)) --argjson hz "$(getconf CLK_TCK)" \
		'"\(.tps | floor) \($ticks / $hz * 1e6 / .transactions | floor)"' <<<"$report"
}

if (($(nproc) < 2)); then
	skip "one core against two" "this machine has one CPU"
	exit 0
fi
lab_begin
lab origin start >/dev/null
number=0
for ((round = 1; round <= rounds; round++)); do
	for ((turn = 0; turn < ${#ways[@]}; turn++)); do
		way=${ways[(round - 1 + turn) % ${#ways[@]}]}
		number=$((number + 1))
		if up "$way" && figures=$(run "$number"); then
			echo "$way $figures" >>"$scratch/figures"
			echo "# round $round $way: $figures (transactions/s, us of CPU each)"
		else
			not_ok "round $round of $way" "$(cat "$scratch/why")"
		fi
		blade "$hapep" down --quiet
	done
done
((failed)) || ok "no transaction failed in $number runs of $seconds s"
awk '
	function line(way, column, name,    i, j, n, t, v) {
		n = count[way]
		for (i = 1; i <= n; i++)
			v[i] = value[way, column, i] / value["one", column, i]
		for (i = 1; i <= n; i++)
			for (j = i + 1; j <= n; j++)
				if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
		printf "# %s over one core, %s: median %.3f (%.3f to %.3f)\n", way, name,
			v[int((n + 1) / 2)], v[1], v[n]
	}
	{ n = ++count[$1]; value[$1, 2, n] = $2; value[$1, 3, n] = $3 }
	END {
		for (way in count) {
			line(way, 2, "TPS")
			line(way, 3, "CPU a transaction")
		}
	}' "$scratch/figures"
test_end
