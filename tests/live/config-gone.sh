#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A blade in service needs its configuration file no more: with that gone, or faulty, it
# can be asked, switched, drained and taken down.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

# In the blade, with an /etc of the test's own.
with_etc() {
	# shellcheck disable=SC2016 # the inner shell's own
	blade unshare -m bash -c 'mount --bind "$1" /etc && shift && exec "$@"' - \
		"$scratch/etc" "$@"
}

exits() { # STATUS COMMAND...
	local wanted=$1 found
	shift
	with_etc "$hapep" "$@" >"$scratch/out" 2>&1
	found=$?
	((found == wanted)) || { echo "exit status $found: $(cat "$scratch/out")"; return 1; }
}

# What each command comes to with a sound file.
reference() {
	cp "$conf" "$scratch/etc/hapep/pep0.conf"
	with_etc "$hapep" rss plan --json >"$scratch/plan"
	with_etc "$hapep" doctor >/dev/null 2>&1
	doctor=$?
	with_etc "$hapep" rss check >/dev/null 2>&1
	rss=$?
	with_etc "$hapep" rss show >/dev/null 2>&1
	show=$?
}

asked() { # HOW
	check "$1: status" exits 0 status
	check "$1: status --json is whole" \
		jq -e '.state == "up" and (.instances | length) == 2' "$scratch/json"
	check "$1: doctor" exits "$doctor" doctor
	check "$1: rss check" exits "$rss" rss check
	check "$1: rss show" exits "$show" rss show
	check "$1: top" exits 0 top --json --count 1 --interval 0.2
	check "$1: scenario" exits 0 scenario
}

changed() { # HOW
	check "$1: switched" exits 0 scenario SK-LOOKUP
	check "$1: and back" exits 0 scenario "$scenario"
	check "$1: drained" exits 0 drain --timeout 5s
	check "$1: undrained" exits 0 undrain
	check "$1: it serves" client curl -sf -m $((5 * patience)) -o /dev/null "$(url 4 /8k)"
	check "$1: down" exits 0 down
	check "$1: it is down" exits 3 status
}

lab_begin
conf=$lab_conf
lab origin start >/dev/null
cp -a /etc "$scratch/etc"
mkdir -p "$scratch/etc/hapep"
check "up" blade "$hapep" up --quiet --config "$conf"
scenario=$(blade "$hapep" status --json | jq -r '.scenario | split(" ")[0]')
reference

rm "$scratch/etc/hapep/pep0.conf"
with_etc "$hapep" status --json >"$scratch/json" 2>/dev/null
asked gone
check "gone: rss plan is that in service" exits 0 rss plan --json
check "gone: and the same" cmp "$scratch/plan" "$scratch/out"
check "gone: up still wants it" exits 2 up
changed gone

check "up again" blade "$hapep" up --quiet --config "$conf"
sed 's/^ports = .*/ports = eighty/' "$conf" >"$scratch/etc/hapep/pep0.conf"
with_etc "$hapep" status --json >"$scratch/json" 2>"$scratch/said"
asked faulty
expect "faulty: status says nothing else on the side" "" "$(cat "$scratch/said")"
check "faulty: status tells the fault" \
	grep -q 'pep0.conf:[0-9]*: service.ports' <<<"$(jq -r .configuration_file "$scratch/json")"
check "faulty: asked for by name it is an error" \
	exits 2 status --config /etc/hapep/pep0.conf
check "faulty: rss plan is of the file" exits 2 rss plan
changed faulty
test_end
