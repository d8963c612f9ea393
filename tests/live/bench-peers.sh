#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What hapep is compared with does what it should: it proxies, and is transparent.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

LAB_NAME=t$$
export LAB_NAME HAPEP_LAB=$LAB_NAME HAPEP=$hapep
scratch=$(mktemp -d)
export HAPEP_RUN=$scratch
trap test_cleanup EXIT
trap 'exit 130' INT TERM

driver() { "$BUILD/libexec/hapep/bench/driver" "$@"; }

# Connections that sockets of the blade accepted, in its namespace and in hapep's, by the
# kernel's own count.
accepted() {
	local n
	for n in "" "ip netns exec pep0"; do
		# shellcheck disable=SC2086 # words of a command
		blade $n cat /proc/net/snmp 2>/dev/null
	done | awk '/^Tcp: [0-9]/ { n += $7 } END { print n + 0 }'
}

blade_state() {
	blade bash -c 'ip addr; ip rule; ip -6 rule; ip route show table all
		ip -6 route show table all; nft list ruleset; tc qdisc; ip netns; ss -Htln
		cat /proc/sys/net/ipv4/ip_forward
		grep -H . /proc/sys/net/netfilter/nf_conntrack_tcp_timeout_*' |
		grep -v valid_lft
}

tracked() {
	blade cat /proc/sys/net/netfilter/nf_conntrack_count
}

time_wait() { # sockets of the server's and the blade's that are in it, of both families
	local namespace
	for namespace in server blade; do
		"$namespace" ss -Htn state time-wait
	done | wc -l
}

# TIME_WAIT sockets go with the case, where the kernel can end them; none is refused before.
time_waits() {
	local left
	driver up forward
	driver load forward number=23 seconds=0.2 warmup=0 connections=2 >/dev/null
	check "a load leaves TIME_WAIT sockets" test "$(time_wait)" -gt 0
	driver down forward
	left=$(time_wait)
	server ss -K -Htn state time-wait >/dev/null
	if ((left && $(time_wait))); then
		skip "and they go with the case" "this kernel's ss -K leaves TIME_WAIT sockets"
	else
		expect "and they go with the case" 0 "$left"
	fi
	expect "the server had room for all of them" 0 \
		"$(server nstat -asz TcpExtTCPTimeWaitOverflow | awk '/Overflow/ { print $2 }')"
}

# A table that is full is a failure of its own, and the next case's is empty. Entries in
# TIME_WAIT would not stay: above 95 per cent the kernel's collection takes them.
table_full() {
	local n max
	max=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
	if ((max > 600000)); then
		skip "a full table" "nf_conntrack_max is $max: so many entries take too much memory"
		return
	fi
	driver up haproxy-howto
	for ((n = 0; n < max; n++)); do
		echo "-A -p tcp -s 10.9.$((n >> 8 & 255)).$((n & 255)) -d 10.8.0.$((n >> 16))" \
			"--sport 1000 --dport 80 --state ESTABLISHED -t 3600 -u ASSURED"
	done >"$scratch/entries"
	blade conntrack -R "$scratch/entries" 2>"$scratch/why" ||
		not_ok "the table is filled" "$(cat "$scratch/why")"
	driver load haproxy-howto number=21 seconds=0.1 warmup=0 connections=2 \
		>"$scratch/load.json" 2>"$scratch/why"
	expect "a load of a full table fails: exit 1" 1 $?
	check "and says why" grep -q \
		"^connection tracking dropped [1-9][0-9]* packets .*, with $max of $max entries" \
		"$scratch/why"
	driver down haproxy-howto
	expect "the next case's is empty" 0 "$(tracked)"
	driver up haproxy-howto
	check "and holds its load" driver load haproxy-howto number=22 seconds=0.1 warmup=0 \
		connections=2
	driver down haproxy-howto
}

# Those that take part are in it, each with functions of the kernel.
profile() {
	local calls
	if ! command -v perf >/dev/null; then
		skip profile "there is no perf: make deps installs it"
		return
	fi
	driver profile blade number=9 seconds=0.5 connections=8 >"$scratch/profile" 2>"$scratch/why" ||
		not_ok profile "$(cat "$scratch/why")"
	expect "a profile has generator, proxy and origin" "haproxy load origin" \
		"$(jq -r '[.symbols[][0]] | unique | map(select(IN("load", "haproxy", "origin"))) |
			join(" ")' "$scratch/profile")"
	expect "and functions of the kernel's" true \
		"$(jq '[.symbols[][1]] | any(startswith("tcp_"))' "$scratch/profile")"
	# One is made for each transaction, whatever else is called. strace, where perf cannot,
	# calls its process the proxy.
	calls=$(jq -c '[.traced.transactions, ([.calls[] | select(IN(.[0]; "haproxy", "proxy") and
		.[1] == "connect")[2]] | add)]' "$scratch/profile")
	expect "HAProxy's system calls are counted, with the transactions" true \
		"$(jq 'if .[0] > 0 and .[1] >= .[0] then true else
			"\(.[1]) connects in \(.[0]) transactions" end' <<<"$calls")"
}

# Without perf: processes alone, of both CPUs' time; functions are not known.
profile_without() {
	mkdir -p "$scratch/bin"
	printf '#!/bin/sh\necho "Error: \\"not\\" here" >&2\nexit 1\n' >"$scratch/bin/perf"
	chmod +x "$scratch/bin/perf"
	expect "perf that fails is not taken, and says why" "proc Error: not here" \
		"$(PATH=$scratch/bin:$PATH driver profiler)"
	check "a profile by /proc" eval 'driver profile blade by=proc number=13 seconds=0.5 \
		connections=8 >"$scratch/profile"'
	expect "it has generator, proxy and origin" "haproxy load origin" \
		"$(jq -r '[.symbols[][0]] | unique | map(select(IN("load", "haproxy", "origin"))) |
			join(" ")' "$scratch/profile")"
	expect "by user and system" true "$(jq '[.symbols[] | select(.[0] == "haproxy")[1]] |
		unique | length > 0 and all(IN("system", "user"))' "$scratch/profile")"
}

# The server's own counters of packets received, IPv4's and IPv6's.
received() {
	server awk '/^Ip: [0-9]/ { four = $4 } /^Ip6InReceives / { six = $2 }
		END { print four, six }' /proc/net/snmp /proc/net/snmp6
}

# Each transaction is some packets of its family and none of the other.
family() { # 4|6|both KIND
	local four six n
	read -r four six < <(received)
	driver load "$2" number=11 seconds=0.3 warmup=0.1 connections=4 "family=$1" >"$scratch/load.json"
	n=$(jq .transactions "$scratch/load.json")
	read -r four six < <(received | awk -v a="$four" -v b="$six" '{ print $1 - a, $2 - b }')
	echo "$n transactions, packets: $four of IPv4, $six of IPv6"
	((n > 0)) && case $1 in
	4) ((four > 4 * n && six < n)) ;;
	6) ((six > 4 * n && four < n)) ;;
	both) ((four > n && six > n)) ;;
	esac
}

# The yardsticks have nothing of hapep's: neither namespace, tc nor netfilter.
plain() { # KIND
	expect "$1: no namespace, no tc, no netfilter" "" "$(blade bash -c 'ip netns
		tc qdisc | grep -v noqueue; nft list ruleset')"
}

# What hapep would render, but for these lines, and nothing else.
configured() {
	local file=$scratch/driver/haproxy-1.cfg
	blade "$hapep" render --config "$tests/lab/lab-untagged.conf" --instance 0 \
		>"$scratch/rendered"
	expect "haproxy-rules: HAProxy's configuration is hapep's without hapep's own" \
		"chroot stats listen mode bind maxconn retries timeout timeout timeout server bind server server" \
		"$(diff "$scratch/rendered" "$file" | awk '/^</ { printf "%s%s", n++ ? " " : "", $2 }')"
	expect "haproxy-rules: with sockets of its own" "bind server server" \
		"$(diff "$scratch/rendered" "$file" | awk '/^>/ { printf "%s%s", n++ ? " " : "", $2 }')"
	check "haproxy-rules: an instance as many as hapep's" \
		test "$(cat "$scratch"/driver/haproxy-*.pid | wc -l)" = \
		"$(blade "$hapep" render --config "$tests/lab/lab-untagged.conf" | grep -c '^global$')"
}

# As hapep's instances are: each process's CPUs, or of the relay each thread's but the one
# that waits for the others.
pinned() { # KIND
	local pid task
	expect "$1: each pinned to a CPU of its own" \
		"$(blade "$hapep" render --config "$tests/lab/lab-untagged.conf" |
			awk '$1 == "cpu-map" { print $3 }' | sort)" \
		"$(for pid in $(ip netns pids "hapep-$LAB_NAME-blade"); do
			[[ $(cat "/proc/$pid/comm") == @(relay|haproxy) ]] || continue
			for task in "/proc/$pid/task/"*; do
				[[ $1 == relay && ${task##*/} == "$pid" ]] ||
					awk '/^Cpus_allowed_list/ { print $2 }' "$task/status"
			done
		done | sort)"
}

yardstick() { # KIND
	local before n
	plain "$1"
	before=$(accepted)
	for n in {1..10}; do
		client curl -sfg -m 5 --interface "fd00:1::1" "http://[$server6]/who"
	done | sed 's/\]*:[0-9]* .*//; s/^\[//' >"$scratch/who6"
	expect "$1: of ten connections over IPv6 the blade accepts" 10 "$(($(accepted) - before))"
	expect "$1: and the server sees the client's address" "fd00:1::1" "$(sort -u "$scratch/who6")"
	pinned "$1"
	[[ $1 != haproxy-rules ]] || configured
}

# The server is ours from here on: ends of its own tell what the relay does with TCP.
carries() {
	kill "$(cat "$scratch/driver/server.pid")"
	check "nobody serves any more" until_true 5 bash -c \
		"! ip netns exec hapep-$LAB_NAME-server ss -Htln 'sport = :80' | grep -q ."
	driver up relay "$tests/lab/lab-untagged.conf"
	"$tests/live/peers/carries.py" || failed=1
	driver down relay
}

peer() { # KIND PROXIED: PROXIED of ten connections are to end at the blade
	local before n
	if ! driver up "$1" "$tests/lab/lab-untagged.conf" 2>"$scratch/why"; then
		not_ok "$1 comes up" "$(cat "$scratch/why")"
		driver down "$1"
		return
	fi
	before=$(accepted)
	for n in {1..10}; do
		client curl -sf -m 5 --interface "10.100.7.$n" -o "$scratch/who.$n" \
			"http://$server4/who" || break
	done
	expect "$1: the server sees the clients' addresses" "$(printf '10.100.7.%d\n' {1..10})" \
		"$(for n in {1..10}; do cut -d: -f1 "$scratch/who.$n"; done)"
	expect "$1: of ten connections the blade accepts" "$2" "$(($(accepted) - before))"
	client curl -sf -m 10 -o "$scratch/object" "http://$server4/8k"
	check "$1: an object, byte for byte" cmp "$scratch/object" "$scratch/8k"
	[[ $1 != blade ]] || { profile; profile_without; }
	[[ $1 != @(relay|haproxy-rules) ]] || yardstick "$1"
	[[ $1 != @(blade|forward|relay|haproxy-rules) ]] ||
		for n in 4 6 both; do
			check "$1: a load of family $n" family "$n" "$1"
		done
	driver down "$1"
	rm -f "$scratch"/who.*
	expect "$1: no connection of its own is tracked any more" 0 "$(tracked)"
	expect "$1: it leaves nothing behind" "$(cat "$scratch/before")" "$(blade_state)"
}

"$BUILD/libexec/hapep/load/origin" --print 8k >"$scratch/8k"
check "the lab" driver begin untagged
# What is there once only: tables that iptables makes by being asked, a module's sysctls.
modprobe -q nf_conntrack 2>/dev/null
blade_state >"$scratch/before"
peer forward 0
peer relay 10
peer haproxy-rules 10
peer blade 10
peer haproxy-howto 10
peer haproxy-howto-threads 10
peer nginx-stream 10
if [[ -x /usr/sbin/squid ]]; then
	peer squid 10
else
	skip squid "there is no /usr/sbin/squid: make deps installs it"
fi
time_waits
table_full
carries
check "the end" driver end
expect "no lab is left" "" "$(ip netns list | grep "hapep-$LAB_NAME-")"
test_end
