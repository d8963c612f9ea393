#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 200,000 transactions: no failure, the supervisor under 10 MB, nothing that grows.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

rss() { # PID
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

instances() {
	blade "$hapep" status --json | jq -r '.instances[].pid'
}

sum_rss() {
	local pid sum=0
	for pid in $(instances); do
		sum=$((sum + $(rss "$pid")))
	done
	echo "$sum"
}

# Both families at once, from 1,000 addresses each.
transactions() { # COUNT
	client "$load" --target "$server4:80" --target "[$server6]:80" --path /8k \
		--source 10.100.1.1-10.100.4.250 --source fd00:100::1-fd00:100::3e8 \
		--freebind --connections 64 --count "$1" --expect-size 8192
}

lab_begin
lab origin start >/dev/null
blade "$hapep" up --quiet --config "$lab_conf"
supervisor=$(blade "$hapep" status --json | jq .supervisor_pid)
check "the first 20,000 transactions" transactions 20000
supervisor_before=$(rss "$supervisor") instances_before=$(sum_rss)
files_before=$(find "/proc/$supervisor/fd" | wc -l)
check "200,000 more without a failure" transactions 200000
supervisor_after=$(rss "$supervisor") instances_after=$(sum_rss)
echo "# supervisor $supervisor_before kB, then $supervisor_after kB"
echo "# instances in all $instances_before kB, then $instances_after kB"
check "the supervisor stays under 10 MB" test "$supervisor_after" -lt 10240
check "the supervisor does not grow" test "$supervisor_after" -le $((supervisor_before + 64))
check "the instances do not grow by a tenth" \
	test "$instances_after" -le $((instances_before * 11 / 10))
expect "no descriptor more" "$files_before" "$(find "/proc/$supervisor/fd" | wc -l)"
blade "$hapep" down --quiet
test_end
