#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Transactions a second of the four scenarios beside each other: interleaved rounds, each
# begun with another one, and each one's median as a share of NO-NF's. No transaction may
# fail.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-4}
ways=(NO-NF:nft NF-NO-IPT:nft NF-IPT:nft NF-IPT:iptables SK-LOOKUP:nft)

up() { # WAY
	sed -e "s/^\[blade\]/&\nscenario = ${1%:*}\nengine = ${1#*:}/" \
		"$tests/lab/lab.conf" >"$scratch/tps.conf"
	blade "$hapep" up --quiet --config "$scratch/tps.conf"
}

# Each run has source addresses of its own: their ports are still in TIME_WAIT afterwards.
run() { # NUMBER
	client "$load" --target "$server4:80" --path /8k --expect-size 8192 --json \
		--source "10.100.$1.1-10.100.$1.250" --connections 32 \
		--duration "$seconds" --warmup 0.5 2>"$scratch/why"
}

lab_begin
lab origin start >/dev/null
number=0
for ((round = 1; round <= rounds; round++)); do
	for ((turn = 0; turn < ${#ways[@]}; turn++)); do
		way=${ways[(round - 1 + turn) % ${#ways[@]}]}
		number=$((number + 1))
		if up "$way" && report=$(run "$number"); then
			tps=$(jq '.tps | floor' <<<"$report")
			echo "${way} $tps" >>"$scratch/tps"
			echo "# round $round $way $tps transactions/s"
		else
			not_ok "round $round of $way" "$(cat "$scratch/why")"
		fi
		blade "$hapep" down --quiet
	done
done
((failed)) || ok "no transaction failed in $number runs of $seconds s"
# The ratio of each round to NO-NF in the same round says more than the figures, which
# drift with the machine.
awk -v rounds="$rounds" '
	{ n[$1]++; tps[$1, n[$1]] = $2; if (!($1 in seen)) { seen[$1] = 1; order[++ways] = $1 } }
	function median(way, ratio, i, j, t, v) {
		for (i = 1; i <= rounds; i++)
			v[i] = ratio ? tps[way, i] / tps[order[1], i] : tps[way, i]
		for (i = 1; i <= rounds; i++)
			for (j = i + 1; j <= rounds; j++)
				if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
		return v[int((rounds + 1) / 2)]
	}
	END {
		for (i = 1; i <= ways; i++)
			printf "# median %-16s %6d transactions/s, %.3f of %s\n", order[i],
				median(order[i], 0), median(order[i], 1), order[1]
	}' "$scratch/tps"
test_end
