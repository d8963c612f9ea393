# shellcheck shell=bash disable=SC2154 # variables are lib.sh's
# SPDX-License-Identifier: GPL-2.0-or-later
# Transactions a second of several ways beside each other: interleaved rounds, each begun
# with another way, whose ratios within a round say more than figures that drift with the
# machine. Sourced after lib.sh, with a lab up and its origin started.

# Each run has source addresses of its own: their ports are still in TIME_WAIT afterwards.
tps_run() { # NUMBER; stdout: the generator's JSON
	client "$load" --target "$server4:80" --path /8k --expect-size 8192 --json \
		--source "10.100.$1.1-10.100.$1.250" --connections "${CONNECTIONS:-32}" \
		--duration "$seconds" --warmup 0.5 2>"$scratch/why"
}

# tps_rounds UP WAY...: brings each way up by `UP WAY` and loads it. No transaction may
# fail. The first way is what the others are compared with.
tps_rounds() {
	local rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-4} up=$1 round turn way report tps
	local number=0 ways=("${@:2}")
	for ((round = 1; round <= rounds; round++)); do
		for ((turn = 0; turn < ${#ways[@]}; turn++)); do
			way=${ways[(round - 1 + turn) % ${#ways[@]}]}
			number=$((number + 1))
			if "$up" "$way" && report=$(tps_run "$number"); then
				tps=$(jq '.tps | floor' <<<"$report")
				echo "$way $tps" >>"$scratch/tps"
				echo "# round $round $way $tps transactions/s"
			else
				not_ok "round $round of $way" "$(cat "$scratch/why")"
			fi
			blade "$hapep" down --quiet
		done
	done
	((failed)) || ok "no transaction failed in $number runs of $seconds s"
	tps_table "$rounds" "${ways[0]}"
}

tps_table() { # ROUNDS WAY: each way's median, and its share of WAY's in the same round
	awk -v rounds="$1" -v first="$2" '
		{ n[$1]++; tps[$1, n[$1]] = $2; if (!($1 in seen)) { seen[$1] = 1; order[++ways] = $1 } }
		function sorted(way, ratio, v, i, j, t) {
			for (i = 1; i <= rounds; i++)
				v[i] = ratio ? tps[way, i] / tps[first, i] : tps[way, i]
			for (i = 1; i <= rounds; i++)
				for (j = i + 1; j <= rounds; j++)
					if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
		}
		END {
			middle = int((rounds + 1) / 2)
			for (i = 1; i <= ways; i++) {
				sorted(order[i], 0, all)
				sorted(order[i], 1, share)
				printf "# median %-26s %6d transactions/s, %.3f (%.3f to %.3f) of %s\n",
					order[i], all[middle], share[middle], share[1], share[rounds],
					first
			}
		}' "$scratch/tps"
}
