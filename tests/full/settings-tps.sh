#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Transactions a second with one setting changed at a time, as shares of the default's: is
# another default better? A setting with a slash is a sysctl of the namespace; those joined
# by + are changed together.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/witness.sh
. "$tests/witness.sh"
# shellcheck source=tests/tps.sh
. "$tests/tps.sh"

up() { # default, SECTION.KEY=VALUE[+...] or PATH=VALUE
	local settings=()
	[[ $1 != *.*=* ]] || IFS=+ read -ra settings <<<"$1"
	configure lab.conf "${settings[@]}"
	blade "$hapep" up --quiet --config "$conf" || return
	[[ $1 != */* ]] || blade ip netns exec pep0 \
		sh -c "echo ${1#*=} >/proc/sys/net/${1%=*}"
}

lab_begin
lab origin start >/dev/null
tps_rounds up default client.initcwnd=20 haproxy.scheduling=batch \
	client.initcwnd=20+haproxy.scheduling=batch \
	haproxy.source=clientip haproxy.splice=off haproxy.processes=1 haproxy.accept=cpu \
	ipv4/tcp_early_demux=0
test_end
