#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How long up and down take with the paper's 20 instances, and TPS through the proxy over
# plain forwarding: five interleaved rounds, each way with client addresses of its own.
# A benchmark: it prints figures, and its verdicts are wide.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

seconds() { # COMMAND...
	local start=${EPOCHREALTIME/./}
	"$@" >/dev/null 2>&1
	echo $((${EPOCHREALTIME/./} - start)) | awk '{ printf "%.3f\n", $1 / 1e6 }'
}

median() {
	sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

spread() { # of the numbers on stdin: median (least to most)
	sort -g | awk '{ v[NR] = $1 } END { printf "%s (%s to %s)\n", v[int((NR + 1) / 2)], v[1], v[NR] }'
}

tps() { # PORT FIRST-OCTET
	client "$load" --target "$server4:$1" --path /8k --connections 32 --duration 4 \
		--warmup 1 --source "10.100.$2.1-10.100.$2.250" --expect-size 8192 --json |
		jq -r '.tps | floor'
}

ratio() { # CONFIG-LINE
	local round proxied forwarded
	sed "s/^processes = .*/processes = 2\n$1/" "$lab_conf" >"$scratch/tps.conf"
	blade "$hapep" up --quiet --config "$scratch/tps.conf"
	for round in 1 2 3 4 5; do
		forwarded=$(tps 8080 $((round * 10 + 1)))
		proxied=$(tps 80 $((round * 10 + 2)))
		echo "# $1: forwarded $forwarded, proxied $proxied TPS" >&2
		awk "BEGIN { printf \"%.3f\\n\", $proxied / $forwarded }"
	done
	blade "$hapep" down --quiet
}

lab_begin
lab origin start >/dev/null
sed 's/^processes = .*/processes = 20/' "$lab_conf" >"$scratch/20.conf"
for _ in 1 2 3 4 5; do
	seconds blade "$hapep" up --quiet --config "$scratch/20.conf" >>"$scratch/up"
	seconds blade "$hapep" down --quiet >>"$scratch/down"
done
echo "# up with 20 instances: $(spread <"$scratch/up") s"
echo "# down: $(spread <"$scratch/down") s"
check "up with 20 instances is ready in 1.5 s" \
	awk "BEGIN { exit !($(median <"$scratch/up") < 1.5) }"
check "down takes less than 1 s" awk "BEGIN { exit !($(median <"$scratch/down") < 1.0) }"
for accept in hash cpu; do
	ratio "accept = $accept" >"$scratch/ratio"
	echo "# accept = $accept: proxied over forwarded $(spread <"$scratch/ratio")"
	check "accept = $accept: above 0.55 of forwarding" \
		awk "BEGIN { exit !($(median <"$scratch/ratio") > 0.55) }"
done
test_end
