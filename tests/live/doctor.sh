#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What `hapep doctor` finds: each fault is made on real objects, found, mended with the
# doctor's own command where it gives one, and gone. Faults of machines that are not
# here are in tests/unit/test_doctor_*.c; those of a NIC with queues in tests/vm.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/witness.sh
. "$tests/witness.sh"

doctor() {
	blade "$hapep" doctor --json "$@"
}

# The result of one check.
result() { # CHECK
	doctor | jq -r --arg check "$1" '.checks[] | select(.check == $check) | .result'
}

# A finding's member, of the first finding of that check.
finding() { # CHECK MEMBER
	doctor | jq -r --arg check "$1" --arg member "$2" \
		'[.findings[] | select(.check == $check)][0][$member]'
}

# One check's evidence, or all of them, holds a text.
reads() { # CHECK TEXT
	local found
	found=$(finding "$1" read)
	[[ $found == *"$2"* ]] || { echo "read: $found"; return 1; }
}

# provoked NAME CHECK RESULT COMMAND...: the command makes the check come to RESULT, and
# what the doctor says mends it brings it back to what it was.
provoked() {
	local name=$1 check=$2 wanted=$3 before mend
	shift 3
	before=$(result "$check")
	"$@" || { not_ok "$name" "cannot be made: '$*'"; return; }
	expect "$name: $wanted" "$wanted" "$(result "$check")"
	mend=$(finding "$check" mend)
	echo "# mend: $mend"
	blade env PATH="${hapep%/*}:$PATH" bash -c "$mend" >/dev/null 2>"$scratch/mend" ||
		not_ok "$name: mended" "$mend: $(cat "$scratch/mend")"
	expect "$name: gone" "$before" "$(result "$check")"
}

exits() { # OPTION...
	blade "$hapep" doctor "$@" >/dev/null 2>&1
	echo $?
}

begin() {
	lab_begin
	lab origin start >/dev/null
	configure lab.conf
	expect "neither up nor configured: exit 2" 2 "$(exits)"
	expect "a name that is none: exit 2" 2 "$(exits 'pep 0')"
	expect "before up: what needs the namespace is skipped" "conntrack listen netfilter time-wait" \
		"$(doctor --config "$conf" | jq -r '[.checks[] | select(.result == "skipped").check] | sort | join(" ")')"
	expect "before up: few queues are found already" warning \
		"$(doctor --config "$conf" | jq -r '.checks[] | select(.check == "nic-queues").result')"
	blade sed 's/nic0/nic9/' "$conf" >"$scratch/nowhere.conf"
	expect "a configuration for another machine: a fault" "plan fault" \
		"$(doctor --config "$scratch/nowhere.conf" |
			jq -r '.findings[] | select(.severity == "fault") | .check + " " + .severity')"
	blade_up
}

# Every finding has all its parts, in JSON and as text.
shape() {
	doctor >"$scratch/json"
	check "JSON: each finding is whole" jq -e '
		(.findings | length > 0) and all(.findings[];
			all(.check, .severity, .finding, .read, .why, .mend;
				type == "string" and . != ""))' "$scratch/json"
	check "JSON: a result for each check" jq -e '
		(.checks | length == 20) and all(.checks[];
			.result | IN("ok", "note", "warning", "fault", "skipped"))' "$scratch/json"
	blade "$hapep" doctor pep0 >"$scratch/text"
	expect "text: as many findings" "$(jq '.findings | length' "$scratch/json")" \
		"$(grep -c '^[0-9]*\. ' "$scratch/text")"
	expect "text: each with its command" "$(jq '.findings | length' "$scratch/json")" \
		"$(grep -c '^  mend: ' "$scratch/text")"
}

queues() {
	expect "one queue for two instances: exit 1" 1 "$(exits)"
	blade ethtool -L nic0 rx 2
	expect "two queues: nothing is found" ok "$(result nic-queues)"
	# ethtool's own parameters differ between drivers: a veth has rx, most have combined.
	doctor >"$scratch/json"
	jq -r '.findings[] | "# \(.severity) \(.check): \(.finding)"' "$scratch/json"
	# What the machine has dropped since boot may be other tests' doing.
	expect "only notes are left, but of the machine's softirqs" "" "$(jq -r '.findings[] |
		select(.severity != "note" and .check != "softirq").check' "$scratch/json")"
	expect "exit 0 where there are only notes" \
		"$(jq 'if all(.findings[]; .severity == "note") then 0 else 1 end' "$scratch/json")" \
		"$(exits)"
	blade ethtool -L nic0 tx 2
	expect "two transmit queues without XPS" warning "$(result nic-xps)"
	check "its evidence names the NIC" reads nic-xps /nic0/
	if blade bash -c 'echo 1 >/sys/class/net/nic0/queues/tx-0/xps_cpus &&
			echo 2 >/sys/class/net/nic0/queues/tx-1/xps_cpus' 2>"$scratch/xps"; then
		expect "XPS set: gone" ok "$(result nic-xps)"
	else
		skip "XPS set" "$(cat "$scratch/xps")"
	fi
	blade ethtool -L nic0 tx 1
}

offloads() {
	provoked "GRO of the NIC" offload warning blade ethtool -K nic0 gro off
	provoked "TSO of a host end" offload warning blade ethtool -K pep0-s tso off
	provoked "GSO inside" offload warning inside ethtool -K client gso off
	inside ethtool -K server tx off >/dev/null
	check "the device inside is named" reads offload "ip netns exec pep0 ethtool -k server"
	inside ethtool -K server tx on tso on gso on >/dev/null
	expect "all offloads on: nothing" ok "$(result offload)"
}

namespace() {
	provoked "a strict rp_filter inside" rp-filter fault \
		inside sysctl -qw net.ipv4.conf.client.rp_filter=1
	provoked "a loose one for all" rp-filter warning \
		inside sysctl -qw net.ipv4.conf.all.rp_filter=2
	blade sysctl -qw net.ipv4.conf.nic0.rp_filter=1
	expect "a strict one on the NIC is worth a note" note "$(result rp-filter)"
	blade sysctl -qw net.ipv4.conf.nic0.rp_filter=0
	expect "and gone" ok "$(result rp-filter)"
	provoked "a step undone by hand" state fault inside ip rule del pref 100
}

# A rule that wants connection tracking, as a firewall's usual first line does.
tracked() {
	inside nft -f - <<-'END'
		table inet foreign {
			chain c { type filter hook prerouting priority 0; ct state established accept; }
		}
	END
	client curl -sf -o /dev/null "$(url 4 /8k)"
}

conntrack() {
	if ! inside test -e /proc/sys/net/netfilter/nf_conntrack_count ||
		! tracked 2>"$scratch/nft"; then
		skip "conntrack" "this kernel has none: $(head -n 1 "$scratch/nft" 2>/dev/null)"
		return
	fi
	expect "tracked connections: a fault" fault "$(result conntrack)"
	check "the evidence is the kernel's count" reads conntrack nf_conntrack_count
	expect "the hook is found too" warning "$(result netfilter)"
	inside nft delete table inet foreign
	expect "the hook gone" ok "$(result netfilter)"
	# Without a rule the kernel forgets them as they age; a new namespace has none.
	blade_down
	blade_up
	expect "conntrack gone" ok "$(result conntrack)"
}

# In NO-NF, which promises that there is none, a foreign hook is a fault.
foreign_hook() {
	local mend
	blade_down
	configure lab.conf blade.scenario=NO-NF
	if ! blade "$hapep" up --quiet --config "$conf" 2>"$scratch/out"; then
		skip "a foreign hook in NO-NF" "not here: $(head -n 1 "$scratch/out")"
	elif ! inside nft 'add table ip foreign; add chain ip foreign c { type filter hook input priority 0; }' \
			2>"$scratch/out"; then
		skip "a foreign hook in NO-NF" "this kernel says: $(head -n 1 "$scratch/out")"
	else
		expect "a foreign hook in NO-NF: a fault" fault "$(result netfilter)"
		check "the hook is named, and whose it is" \
			reads netfilter "nft_do_chain_ipv4 (nftables table ip foreign)"
		expect "nft lists it too" 1 "$(inside nft list chains | grep -c 'hook input')"
		expect "a fault: exit 1" 1 "$(exits)"
		# The command comes first; the rest says how to find whose it is.
		mend=$(finding netfilter mend)
		echo "# mend: $mend"
		blade bash -c "${mend%%;*}"
		expect "the foreign hook gone" ok "$(result netfilter)"
		expect "and nft lists none" 0 "$(inside nft list chains | grep -c hook)"
	fi
	blade_down
	configure lab.conf
	blade_up
}

# A process of that name, in truth sleep.
irqbalance() {
	local pid
	cp "$(command -v sleep)" "$scratch/irqbalance"
	"$scratch/irqbalance" 60 &
	pid=$!
	expect "irqbalance runs, and there are no interrupts to exempt: a note" note \
		"$(result irqbalance)"
	check "it is named by its pid" reads irqbalance "/proc/$pid/"
	kill "$pid"
	wait "$pid" 2>/dev/null
	expect "it has ended" ok "$(result irqbalance)"
}

# Stopped instances with a short queue: what comes beyond it is lost, and counted.
listening() {
	blade_down
	configure lab.conf haproxy.backlog=1
	blade_up
	expect "no overflow yet" ok "$(result listen)"
	# shellcheck disable=SC2046 # several processes
	kill -STOP $(instances)
	client timeout 5 bash -c "for i in \$(seq 12); do
		curl -s -m 2 -o /dev/null '$(url 4 /1k)' & done; wait" >/dev/null 2>&1
	# shellcheck disable=SC2046
	kill -CONT $(instances)
	expect "a queue that overflowed" warning "$(result listen)"
	expect "by nstat's count too" "$(finding listen read | grep -o '[0-9]*, [0-9]*$')" \
		"$(inside nstat -asz TcpExtListenOverflows TcpExtListenDrops |
			awk '/^TcpExt/ { printf "%s%s", sep, $2; sep = ", " }')"
	blade_down
	configure lab.conf
	blade_up
	expect "and gone with the namespace" ok "$(result listen)"
}

time_wait() {
	inside sysctl -qw net.ipv4.tcp_max_tw_buckets=1
	client curl -sf --no-keepalive -o /dev/null -o /dev/null -o /dev/null \
		-H 'Connection: close' "$(url 4 '/1k?[1-3]')"
	expect "TIME_WAIT overflows" warning "$(result time-wait)"
	check "by the kernel's counter" reads time-wait TCPTimeWaitOverflow
	blade_down
	blade_up
	expect "gone with the namespace" ok "$(result time-wait)"
}

pipes() {
	blade_down
	configure lab.conf haproxy.maxconn=1024
	blade_up
	expect "pipes for all connections within the limit" ok "$(result pipes)"
	expect "a maxconn of the operator's own is not the limit's doing" ok "$(result descriptors)"
	blade_down
	configure lab.conf haproxy.maxconn=3000
	blade_up
	expect "more than the limit" note "$(result pipes)"
}

journal() {
	local file=/run/hapep/pep0/journal told
	blade sed -i '2i{"do": nonsense' "$file"
	expect "a damaged journal" fault "$(result journal)"
	check "file and line are named" reads journal "$file: the journal is damaged in line 2: expected"
	told=$(blade "$hapep" down 2>&1)
	expect "down fails with it" 3 $?
	check "and says the same" grep -qF "$(finding journal read)" <<<"$told"
	check "and the same remedy" grep -qF "$(finding journal mend)" <<<"$told"
	check "and so says up" grep -qF "$(finding journal mend)" \
		<(blade "$hapep" up --config "$conf" 2>&1)
	check "and leaves all as it is" blade "$hapep" status --quiet
	blade sed -i 2d "$file"
	expect "that line deleted: gone" ok "$(result journal)"
}

within_a_second() {
	local start=${EPOCHREALTIME/./} took
	doctor >/dev/null
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
	echo "# the doctor took $took ms"
	((took < 1000 * patience)) || { echo "$took ms"; return 1; }
}

begin
shape
queues
offloads
namespace
conntrack
foreign_hook
irqbalance
listening
time_wait
pipes
journal
check "all within a second" within_a_second
blade_down
test_end
