#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A connection to the proxy's own address on a service port is refused, and goes no round.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/witness.sh
. "$tests/witness.sh"

lab_begin
lab origin start >/dev/null
configure lab.conf service.ports=80,7000-7001
blade_up
peer looping 80 7001
for family in 4 6; do
	check "an object through the proxy after it, IPv$family" \
		client curl -sS -m $((10 * patience)) -o /dev/null "$(url "$family" /8k)"
done
test_end
