#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mirred-layouts.sh: the mirred datapath over each attachment of the lab, in the guest:
# two VLANs on one NIC, a tagged NIC each, an untagged NIC each. Both families each.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

modprobe -a veth cls_flower cls_matchall cls_bpf act_vlan act_mirred sch_ingress

answers() { # FAMILY SOURCE: the server names the client's address
	client curl -sf -m 60 --interface "$2" "$(url "$1" /who)" | grep -qF "$2:"
}

object() { # FAMILY PORT: arrives as it is
	client curl -sf -m 60 -o "$scratch/o" "$(url "$1" /64k "$2")" &&
		cmp "$scratch/o" "/run/hapep-lab/$LAB_NAME/origin/objects/64k"
}

kinds() { # of classifiers on the NICs' ingress
	blade bash -c 'for d in /sys/class/net/nic*; do
		tc -j filter show dev "${d##*/}" ingress; done' |
		jq -r '.[] | select(.options) | .kind' | sort -u | paste -sd' '
}

layout() { # NAME CONFIGURATION WANTED-KINDS LAB-OPTION...
	local name=$1 wanted=$3 before
	sed 's/^datapath = .*/datapath = mirred/' "$tests/lab/$2" >"$scratch/mirred.conf"
	shift 3
	lab up "$@" >/dev/null || { not_ok "$name: lab" "it does not come up"; return; }
	lab origin start >/dev/null
	before=$(blade bash -c 'ip link; tc qdisc; find /run | sort')
	check "$name: up" blade "$hapep" up --quiet --config "$scratch/mirred.conf"
	expect "$name: the classifiers" "$wanted" "$(kinds)"
	check "$name: IPv4 through the proxy, the client's address kept" answers 4 10.100.3.77
	check "$name: IPv6 through the proxy, the client's address kept" answers 6 fd00:100::3:77
	for family in 4 6; do
		check "$name: an object, IPv$family" object "$family" 80
		check "$name: an object past the proxy, IPv$family" object "$family" 8080
	done
	check "$name: ping, IPv4" client ping -c 1 -W 20 "$server4"
	check "$name: ping, IPv6" client ping -c 1 -W 20 "$server6"
	check "$name: status" blade "$hapep" status
	check "$name: down" blade "$hapep" down --quiet
	expect "$name: nothing remains" "$before" \
		"$(blade bash -c 'ip link; tc qdisc; find /run | sort')"
	lab down >/dev/null
}

LAB_NAME=m$$
export LAB_NAME
scratch=$(mktemp -d)
trap test_cleanup EXIT
layout "one NIC" lab.conf flower
layout "two NICs" lab-two-nics.conf flower --two-nics
layout "untagged" lab-untagged.conf "flower matchall" --untagged
test_end
