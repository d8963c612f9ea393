# shellcheck shell=bash disable=SC2154 # functions and variables are driver's
# SPDX-License-Identifier: GPL-2.0-or-later
# The yardsticks of what proxying costs: TCP ended with policy rules alone, by a relay that
# does nothing else, and by HAProxy; each KIND is KIND_up and KIND_down, as peers.sh has it.

# What `ip rule` brings to this machine's sockets, in the blade itself: no namespace, no
# tc, no netfilter. Both families.
policy_up() {
	forward_up
	blade sh -es <<'SH'
for family in -4 -6; do
	ip $family rule add pref 100 iif nic0 ipproto tcp dport 80 lookup 100
	ip $family rule add pref 101 iif nic1 ipproto tcp sport 80 lookup 100
	ip $family route add local default dev lo table 100
done
SH
}

policy_down() {
	blade sh -s <<'SH'
for family in -4 -6; do
	for pref in 100 101; do
		ip $family rule del pref $pref 2>/dev/null
	done
	ip $family route flush table 100 2>/dev/null
done
SH
	forward_down
}

# The number of listening sockets there is to be.
listeners() { # NUMBER
	(($(blade ss -Htln 'sport = :80' | wc -l) == $1))
}

# hapep's instances, as it would render them.
instances() { # CONFIGURATION
	blade "$HAPEP" render --config "$1"
}

cpus_of() { # stdin: instances' configurations
	awk '$1 == "cpu-map" { print $3 }' | paste -sd,
}

# A thread on each CPU that hapep would have an instance on.
relay_up() { # CONFIGURATION
	local cpus
	policy_up
	cpus=$(instances "$1" | cpus_of)
	background blade relay "$here/bench/relay" --port 80 --cpus "$cpus"
	until_true 10 listeners $((2 * $(tr -cd , <<<"$cpus" | wc -c) + 2)) || {
		echo "the relay does not start: $(tail -n 1 "$scratch/relay.log")" >&2
		return 1
	}
}

relay_down() {
	stop relay
	policy_down
}

# An instance's configuration without what is hapep's own: its sockets (of which the load
# asks for port 80's alone, of both families), its probe, its root directory, its device.
haproxy_alone() { # NUMBER, from 1; stdin: all instances'
	awk -v number="$1" '
		$1 == "global" { n++ }
		n != number { next }
		/^[^\t]/ { probe = $0 == "listen probe" }
		probe || $1 == "chroot" || ($1 == "stats" && $2 == "socket") { next }
		$1 == "bind" {
			if (bound++)
				next
			sub(/fd@[0-9]+/, ":::80 v4v6")
		}
		{ sub(/ interface [^ ]+/, ""); print }'
}

# Pinned from outside, as hapep pins its own: HAProxy 2.6 with one thread does nothing
# about cpu-map.
haproxy_rules_up() { # CONFIGURATION
	local binary i n
	policy_up
	binary=$(blade "$HAPEP" config --config "$1" | sed -n 's/^binary = //p')
	instances "$1" >"$scratch/instances.cfg"
	n=$(grep -c '^global$' "$scratch/instances.cfg")
	for ((i = 1; i <= n; i++)); do
		haproxy_alone "$i" <"$scratch/instances.cfg" >"$scratch/haproxy-$i.cfg"
		background blade "haproxy-$i" \
			taskset -c "$(cpus_of <"$scratch/haproxy-$i.cfg")" \
			"$binary" -db -f "$scratch/haproxy-$i.cfg"
	done
	until_true 10 listeners "$n" || {
		echo "HAProxy does not start: $(cat "$scratch"/haproxy-*.log | tail -n 1)" >&2
		return 1
	}
}

haproxy_rules_down() {
	local pid
	for pid in "$scratch"/haproxy-*.pid; do
		pid=${pid##*/}
		stop "${pid%.pid}"
	done
	policy_down
}
