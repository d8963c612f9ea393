# shellcheck shell=bash disable=SC2154 # functions and variables are driver's
# SPDX-License-Identifier: GPL-2.0-or-later
# The paper's base line of NIC and tc: client - blade - server, without a switch between,
# so that the wire costs next to nothing; each end is a generator.

# The namespaces have the lab's names, so that the lab's own "down" removes them.
inside() { # PART COMMAND...
	ip netns exec "hapep-$HAPEP_LAB-$1" "${@:2}"
}

packets_begin() {
	local part device
	for part in client blade server; do
		ip netns add "hapep-$HAPEP_LAB-$part"
		inside "$part" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1
	done
	ip -n "hapep-$HAPEP_LAB-blade" -batch - <<BATCH
link add nic0 type veth peer name eth0 netns hapep-$HAPEP_LAB-client
link add nic1 type veth peer name eth0 netns hapep-$HAPEP_LAB-server
link set nic0 up
link set nic1 up
BATCH
	for part in client server; do
		ip -n "hapep-$HAPEP_LAB-$part" link set eth0 up
	done
	for device in nic0 nic1; do
		inside blade tc qdisc add dev "$device" clsact
	done
}

# Rules of tc for 10.64.0.0/15, one for each of N parts of it. u32 finds an address by
# its third and, for 128K of them, its fourth byte in tables of 256: however many there
# are, a packet meets at most two. The kernel looks a table up in a list, newest first: so
# each is filled as soon as it is made, which took two thirds off the time.
u32_rules() { # DEVICE TO N
	awk -v device="$1" -v to="$2" -v n="$3" '
	function rule(table, bucket, match_, then_) {
		printf "%su32 ht %x:%x: match ip dst %s %s\n", add, table, bucket, match_, then_
	}
	function table(id) {
		printf "%shandle %x: u32 divisor 256\n", add, id
	}
	BEGIN {
		add = "filter add dev " device " ingress protocol 802.1q pref 10 "
		# One action for all: less to install, less to fetch for each packet.
		act = "action mirred egress redirect dev " to " index " (to == "nic1" ? 1 : 2)
		if (n == 1) {
			print add "u32 match ip dst 10.64.0.0/15 " act
			exit
		}
		for (t = 0; n > 1024 && t < 512; t++) {
			table(t + 3)
			for (c = 0; c < 256; c++)
				rule(t + 3, c, "10." 64 + int(t / 256) "." t % 256 "." c, act)
		}
		for (h = 0; h < 2; h++)
			table(h + 1)
		for (t = 0; t < 512; t++) {
			net = "10." 64 + int(t / 256) "." t % 256 "."
			if (n > 1024)
				rule(1 + int(t / 256), t % 256, net "0/24",
					sprintf("hashkey mask 0x000000ff at 16 link %x:", t + 3))
			for (half = 0; n <= 1024 && half < 256; half += 128)
				rule(1 + int(t / 256), t % 256, net half "/25", act)
		}
		for (h = 0; h < 2; h++)
			printf "%su32 ht 800:: match ip dst 10.%d.0.0/16 hashkey mask 0x0000ff00 at 16 link %x:\n",
				add, 64 + h, h + 1
	}'
}

# cls_bpf: one filter in front of act_mirred, whose rules are in the table of bpf's.
rules_up() { # mirred|cls_bpf|bpf N
	local device begin=$EPOCHREALTIME file=$scratch/rules classify=()
	[[ $1 != cls_bpf ]] || classify=(--mirred)
	for device in nic0:nic1 nic1:nic0; do
		if [[ $1 != mirred ]]; then
			inside blade "$here/bench/packets" --rules "$2" "${classify[@]}" \
				--device "${device%:*}" --to "${device#*:}" >/dev/null
		else
			u32_rules "${device%:*}" "${device#*:}" "$2" >"$file"
			inside blade tc -batch "$file"
		fi
	done
	# Of one NIC's: each has as many.
	awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print (b - a) / 2 }' >"$scratch/install"
	rm -f "$file"
}

rules_down() {
	inside blade tc filter del dev nic0 ingress
	inside blade tc filter del dev nic1 ingress
}

# Both ends at once, in one span of time; each counts what the other sent. Exit status 3:
# one was not ready when it began.
packets_both() { # DELAY SIZE SECONDS WARMUP
	local part pids=() status=0 at
	at=$(awk -v now="$EPOCHREALTIME" -v delay="$1" 'BEGIN { printf "%.6f", now + delay }')
	for part in client server; do
		inside "$part" "$here/bench/packets" --at "$at" --device eth0 --size "$2" \
			--duration "$3" --warmup "$4" >"$scratch/packets.$part" &
		pids+=($!)
	done
	wait "${pids[0]}" || status=$?
	wait "${pids[1]}" || status=$?
	return "$status"
}

packets_load() { # KEY=VALUE...
	local size=78 seconds=5 warmup=0.5 word status=0
	for word; do
		case $word in
		size=*) size=${word#*=} ;;
		seconds=*) seconds=${word#*=} ;;
		warmup=*) warmup=${word#*=} ;;
		esac
	done
	packets_both 0.3 "$size" "$seconds" "$warmup" 2>"$scratch/packets.log" || status=$?
	if ((status == 3)); then # a busy machine
		status=0
		packets_both 4 "$size" "$seconds" "$warmup" 2>"$scratch/packets.log" || status=$?
	fi
	if ((status)); then
		cat "$scratch/packets.log" >&2
		return 1
	fi
	printf '{ "install_seconds": %s, "client": %s, "server": %s }\n' \
		"$(cat "$scratch/install")" "$(cat "$scratch/packets.client")" \
		"$(cat "$scratch/packets.server")"
}
