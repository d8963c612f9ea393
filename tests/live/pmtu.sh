#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A narrower link behind the server-side router, which tells of it, or tells nobody.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/witness.sh
. "$tests/witness.sh"

too_big='(icmp[0] = 3 and icmp[1] = 4) or (icmp6 and ip6[40] = 2)'

too_bigs() { # CAPTURE FAMILY-KEYWORD
	captured "$1" "$(any_tag "$2 and ($too_big)")"
}

version() { # FAMILY-KEYWORD
	[[ $1 == ip6 ]] && echo IPv6 || echo IPv4
}

at_least_one() { # NAME COUNT
	if (($2 > 0)); then
		ok "$1"
	else
		not_ok "$1" "there was none"
	fi
}

watch() {
	capture server-side inside server 'icmp or icmp6'
	capture client-side client eth0 'icmp or icmp6'
}

lab_begin --far 1400
configure lab.conf service.ports=80,7000
blade_up
watch
peer pmtu proxied
capture_end
for family in ip ip6; do
	at_least_one "\"too big\" arrived at the namespace, $(version "$family")" \
		"$(too_bigs server-side "$family")"
	expect "of a proxied flow none went to the client, $(version "$family")" 0 \
		"$(too_bigs client-side "$family")"
done
watch
peer pmtu forwarded
capture_end
for family in ip ip6; do
	at_least_one "of a forwarded flow it went to the client, $(version "$family")" \
		"$(too_bigs client-side "$family")"
done

lab up --far 1400 --blackhole >/dev/null
blade_up
peer pmtu blackhole
test_end
