#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Transactions a second of the four scenarios beside each other, as shares of NO-NF's.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/tps.sh
. "$tests/tps.sh"

up() { # SCENARIO:ENGINE
	sed -e "s/^\[blade\]/&\nscenario = ${1%:*}\nengine = ${1#*:}/" \
		"$lab_conf" >"$scratch/tps.conf"
	blade "$hapep" up --quiet --config "$scratch/tps.conf"
}

lab_begin
lab origin start >/dev/null
tps_rounds up NO-NF:nft NF-NO-IPT:nft NF-IPT:nft NF-IPT:iptables SK-LOOKUP:nft
test_end
