#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two blades on one NIC, each with its own VLANs: whichever goes first, the other serves
# on with what both need of the NIC, and the last one puts it back as it was. So also
# where `down` is killed or fails while it hands that over.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

conf() { # NAME
	[[ $1 == pep0 ]] && echo "$lab_conf" || echo "$scratch/pep1.conf"
}

up() { blade "$hapep" up --quiet --name "$1" --config "$(conf "$1")"; } # NAME
down() { blade "$hapep" down --quiet --name "$1"; }                     # NAME
whole() { [[ $(blade "$hapep" status --name "$1" --json | jq -r .state) == up ]]; }

# What a blade changes of the NIC, by ip's, tc's and ethtool's words.
nic() {
	blade bash -c 'ip -j link show nic0 | jq -c ".[0] | .flags, .promiscuity, .allmulti"
		tc qdisc show dev nic0; tc filter show dev nic0 ingress
		ethtool -k nic0 | grep vlan-filter; ls /run/hapep 2>/dev/null'
}

# Whether the first blade up serves, by an object through it.
serves() { client curl -sf -m $((5 * patience)) -o /dev/null "$(url 4 /8k)"; }

# Both up in this order; FIRST goes, as FAULT has it, and then the other.
round() { # NAME ORDER FIRST [FAULT]
	local name=$1 order=$2 first=$3 last=pep0 status one
	[[ $first == pep0 ]] && last=pep1
	for one in $order; do
		up "$one" || not_ok "$name: up" "$one"
	done
	if [[ ${4:-} ]]; then
		blade env HAPEP_FAULT="$4" "$hapep" down --quiet --name "$first" >"$scratch/out" 2>&1
		status=$?
		((status)) || not_ok "$name" "down did not fail: $(cat "$scratch/out")"
	fi
	check "$name: $first goes" down "$first"
	check "$name: $last is whole" whole "$last"
	[[ $last != pep0 ]] || check "$name: and serves" serves
	check "$name: $last goes" down "$last"
	expect "$name: the NIC is as it was" "$before" "$(nic)"
}

lab_begin
lab origin start >/dev/null
sed -e 's/vlan = 100/vlan = 101/; s/vlan = 200/vlan = 201/' \
	-e 's/10\.1\.0/10.11.0/; s/10\.2\.0/10.12.0/; s/fd00:1::/fd00:11::/; s/fd00:2::/fd00:12::/' \
	"$lab_conf" >"$scratch/pep1.conf"
before=$(nic)
round "first up, first down" "pep0 pep1" pep0
round "first up, last down" "pep0 pep1" pep1
round "the other first" "pep1 pep0" pep1
for fault in before record partial after; do
	round "$fault at the handover" "pep1 pep0" pep1 "$fault:handover"
done

# What --dry-run tells of it, in text and as JSON, is what then happens; and it does nothing.
prior() { # BLADE
	blade jq -c 'select(.do == "nic-client-flags").record.prior' "/run/hapep/$1/journal" |
		tail -n 1
}
up pep0 && up pep1
prior=$(prior pep0)
blade sha256sum /run/hapep/pep{0,1}/journal >"$scratch/journals"
blade "$hapep" down --dry-run --name pep0 >"$scratch/dry"
check "dry run: says what goes to the other" grep -qxF \
	"hand nic-client-flags  of nic0 to blade 'pep1', which puts back $prior" "$scratch/dry"
check "dry run: what is undone is without it" grep -q \
	'^undo nic-client-flags .*"prior":{}' "$scratch/dry"
blade "$hapep" down --dry-run --json --name pep0 >"$scratch/dry"
expect "dry run: as JSON too" "pep1 nic-client-flags $prior" "$(jq -r '.handover[] |
	select(.step == "nic-client-flags" and .interface == "nic0") |
	"\(.blade) \(.its_step) \(.prior | tojson)"' "$scratch/dry")"
expect "dry run: the clsact too" '{"clsact":false}' \
	"$(jq -c '.handover[] | select(.step == "tc-nic").prior' "$scratch/dry")"
expect "dry run: other groups hand nothing over" 0 \
	"$(blade "$hapep" netns down --dry-run --json --name pep0 | jq '.handover | length')"
expect "dry run: whoever came later hands nothing over" 0 \
	"$(blade "$hapep" down --dry-run --json --name pep1 | jq '.handover | length')"
check "dry run: no journal was changed" blade sha256sum --quiet -c "$scratch/journals"
down pep0
expect "and so it is in the other's journal" "$prior" "$(prior pep1)"
expect "dry run: alone it hands nothing over" 0 \
	"$(blade "$hapep" down --dry-run --json --name pep1 | jq '.handover | length')"
down pep1
expect "dry run: of a blade that is down" '{"blade":"pep1","handover":[],"undo":[]}' \
	"$(blade "$hapep" down --dry-run --json --name pep1 | jq -c .)"

# Killed half-way, and then the other one goes first.
up pep0 && up pep1
blade env HAPEP_FAULT=record:handover "$hapep" down --quiet --name pep0 2>/dev/null
check "killed at the handover, and the other goes first" down pep1
check "what is left is whole" whole pep0
check "and goes" down pep0
expect "the NIC is as it was after that" "$before" "$(nic)"

# The clsact of whoever was there before stays.
blade tc qdisc add dev nic0 clsact
before=$(nic)
round "beside a foreign clsact" "pep0 pep1" pep0

# Another hapep works on the other blade: nothing is done.
up pep0 && up pep1
pid=$(blade "$hapep" status --name pep1 --json | jq .supervisor_pid)
exec {held}<"/proc/$pid/root/run/hapep/pep1"
flock "$held"
blade "$hapep" down --name pep0 >"$scratch/out" 2>&1
expect "the other blade is being worked on: exit 1" 1 $?
check "which is said" grep -q "blade 'pep1', which is on an interface of 'pep0'.*another hapep" \
	"$scratch/out"
check "nothing was undone" whole pep0
exec {held}<&-
check "after that it goes" down pep0
check "the other too" down pep1
test_end
