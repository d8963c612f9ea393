#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each end of a proxied connection sees the other's address, on every kind of attachment.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/witness.sh
. "$tests/witness.sh"

# What the lab is, with which configuration of the blade, and how many clients.
variants() {
	cat <<'TABLE'
one NIC, two VLANs|lab.conf||1000
model = threads|lab.conf||1000|haproxy.model=threads
mode = http|lab.conf||200|haproxy.mode=http
source = clientip|lab.conf||200|haproxy.source=clientip
two NICs|lab-two-nics.conf|--two-nics|200
untagged|lab-untagged.conf|--untagged|200
TABLE
}

own='host 10.1.0.2 or host 10.2.0.2 or host fd00:1::2 or host fd00:2::2'

capture_begin() {
	capture client client eth0 'tcp port 80'
	capture server server eth0 'tcp port 80'
	capture nic0 blade nic0 'tcp port 80'
	[[ ! $2 ]] || capture nic1 blade nic1 'tcp port 80'
}

# packets LABEL WHERE FILTER: there were some, and none that FILTER takes.
none() {
	local all odd
	all=$(captured "$2" "")
	odd=$(captured "$2" "$3")
	if ((all > 100 && odd == 0)); then
		ok "$1"
	else
		not_ok "$1" "$odd of $all packets"
	fi
}

# Frames of a side carry its VLAN, from and to its router's own MAC address.
tags() { # LABEL OPTION
	local client='ether host 02:00:00:00:01:01' server='ether host 02:00:00:00:02:01'
	case $2 in
	--untagged)
		none "$1: no frame on nic0 has a tag" nic0 "vlan or not $client"
		none "$1: no frame on nic1 has a tag" nic1 "vlan or not $server"
		;;
	--two-nics)
		none "$1: every frame on nic0 has VLAN 100" nic0 "not ($client and vlan 100)"
		none "$1: every frame on nic1 has VLAN 200" nic1 "not ($server and vlan 200)"
		;;
	*)
		none "$1: every frame on nic0 has its side's VLAN" nic0 \
			"not (($client and vlan 100) or ($server and ether[14:2] & 0xfff = 200))"
		;;
	esac
}

run_variant() { # LABEL CONF LAB-OPTION CLIENTS VALUE...
	local label=$1 option=$3 clients=$4 clientip=
	configure "$2" "${@:5}"
	[[ ${5-} != *=clientip ]] || clientip=clientip
	lab up ${option:+"$option"} >/dev/null
	blade_up
	capture_begin "$label" "$option"
	# shellcheck disable=SC2086 # empty is none
	peer transparency "$label" "$clients" $clientip
	capture_end
	none "$label: the client's wire carries no address of the blade" client "$own"
	none "$label: the server's wire carries no address of the blade" server "$own"
	tags "$label" "$option"
	check "$label: down" blade_down
}

lab_begin
while IFS='|' read -r label conf option clients value; do
	# shellcheck disable=SC2086 # empty is none
	run_variant "$label" "$conf" "$option" "$clients" $value
done < <(variants)
test_end
