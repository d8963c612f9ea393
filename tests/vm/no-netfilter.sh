#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# no-netfilter.sh: NO-NF on a kernel without netfilter, in the guest: both datapaths, both
# families, real objects, and nothing that remains.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/vm/snapshot.sh
. "$tests/vm/snapshot.sh"

field() { blade "$hapep" status --json | jq -r "$1"; }
dump() { # DIR
	lab exec blade bash -c '. "$1"; snapshot_take "$2" nic0' - "$tests/vm/snapshot.sh" "$1"
}

# What the server says of both ends is the client's own word, and the object is whole.
object() { # FAMILY SOURCE
	client curl -sf -m 60 --interface "$2" -o "$scratch/o" "$(url "$1" /64k)" \
		-o "$scratch/who" "$(url "$1" /who)" &&
		cmp "$scratch/o" "/run/hapep-lab/$LAB_NAME/origin/objects/64k" &&
		grep -qF "$2:" "$scratch/who"
}

none() {
	nft list ruleset >"$scratch/out" 2>&1 && return 1
	grep -q 'Protocol not supported' "$scratch/out" && [[ ! -e /proc/net/netfilter ]]
}

datapath() { # DATAPATH
	local kind
	sed -e "s/^\[blade\]/&\nscenario = NO-NF\nno_nf = strict/" \
		-e "s/^datapath = .*/datapath = $1/" "$tests/lab/lab.conf" >"$scratch/conf"
	check "$1: up with no_nf = strict" blade "$hapep" up --quiet --config "$scratch/conf" || return
	expect "$1: status" "up, NO-NF (strict), $1" "$(field '"\(.state), \(.scenario), \(.datapath)"')"
	check "$1: an object over IPv4, the client's address kept" object 4 10.100.3.77
	check "$1: an object over IPv6, the client's address kept" object 6 fd00:100::3:77
	expect "$1: by way of the proxy, one connection each" 2 \
		"$(field '[.instances[].accepted] | add')"
	check "$1: past the proxy" client curl -sf -m 60 -o /dev/null "$(url 6 /8k 8080)"
	check "$1: down" blade "$hapep" down --quiet
	dump "$scratch/after"
	for kind in link address route rule qdisc filter nic sysctl bpf files; do
		check "$1: the $kind dump is as before" \
			snapshot_same "$scratch/before" "$scratch/after" "$kind"
	done
}

lab_begin
check "the kernel has no netfilter: $(uname -r)" none
lab origin start >/dev/null
dump "$scratch/before"
datapath bpf
datapath mirred
test_end
