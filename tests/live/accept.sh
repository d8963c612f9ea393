#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Which instance a connection goes to: with accept = cpu the one on the CPU where its SYN
# arrived, by the kernel's group, whatever the ports; with accept = hash all get some.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

# The CPU that the client sends on is the one that the whole softirq path runs on here.
fetch_on() { # CPU COUNT
	client taskset -c "$1" bash -c "for i in \$(seq $2); do
		curl -sf -o /dev/null $(url 4 /1k) && curl -sf -o /dev/null '$(url 6 /1k)' || exit 1
	done"
}

accepted() { # INSTANCE
	blade "$hapep" status --json | jq ".instances[$1].accepted"
}

# Brings a blade up, fetches 40 times on each of two CPUs, sets got[CPU] to the share in
# per cent that the instance pinned there accepted.
measure() { # cpu|hash MODEL
	local cpu before
	sed -e "s/^processes = .*/processes = 2\naccept = $1/" "$lab_conf" \
		>"$scratch/accept.conf"
	blade "$hapep" up --quiet --config "$scratch/accept.conf" || return
	for cpu in 0 1; do
		before=$(accepted "$cpu")
		check "accept = $1: objects fetched from CPU $cpu" fetch_on "$cpu" 20
		got[cpu]=$((($(accepted "$cpu") - before) * 100 / 40))
		echo "# accept = $1: $((got[cpu])) % of those from CPU $cpu on its own instance"
	done
	blade "$hapep" down --quiet
}

if (($(nproc) < 2)); then
	skip "accept" "this machine has one CPU"
	exit 0
fi
lab_begin
lab origin start >/dev/null
declare -a got
measure cpu
for cpu in 0 1; do
	if ((got[cpu] >= 95)); then
		ok "accept = cpu: CPU $cpu's connections stay on CPU $cpu"
	else
		not_ok "accept = cpu: CPU $cpu's connections stay on CPU $cpu" "${got[cpu]} %"
	fi
done
measure hash
for cpu in 0 1; do
	if ((got[cpu] > 10 && got[cpu] < 90)); then
		ok "accept = hash: CPU $cpu's connections are spread"
	else
		not_ok "accept = hash: CPU $cpu's connections are spread" "${got[cpu]} %"
	fi
done
test_end
