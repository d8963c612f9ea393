#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The four scenarios, NF-IPT with both engines: each proxies the same ports of both
# families, refuses its own addresses, forwards the rest, and leaves nothing behind.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

ports='80, 8000-8100'
own=(10.1.0.2 10.2.0.2 '[fd00:1::2]' '[fd00:2::2]')

netfilter() { [[ -e /proc/net/netfilter ]]; }
inside() { blade ip netns exec pep0 "$@"; }

configure() { # SCENARIO ENGINE [LINE OF [haproxy]...]
	conf=$scratch/scenario.conf
	sed -e "s/^\[blade\]/&\nscenario = $1\nengine = $2/" \
		-e "s/^ports = .*/ports = $ports/" "$lab_conf" >"$conf"
	printf '%s\n' "${@:3}" >>"$conf"
}

up() { blade "$hapep" up --quiet --config "$conf"; }
down() { blade "$hapep" down --quiet; }
field() { blade "$hapep" status --json | jq -r "$1"; }

# On a busy machine an instance may be late to answer: its count would be missing.
accepted() {
	local n
	until n=$(field 'if all(.instances[]; .answers) then [.instances[].accepted] | add
			else empty end') && [[ $n ]]; do
		sleep 0.1
	done
	echo "$n"
}

leftovers() {
	blade bash -c 'ip link; tc qdisc; ip netns; find /run'
	bpftool -j link show | jq -r --arg ino "$1" \
		'.[] | select((.netns_ino // 0 | tostring) == $ino) | "link \(.id)"'
}

object() { # FAMILY PORT
	client curl -sf -m $((5 * patience)) -o "$scratch/o" "$(url "$1" /1m "$2")" &&
		[[ $(stat -c %s "$scratch/o") == 1048576 ]]
}

# The server's word about both ends must be the client's own.
who() { # FAMILY PORT
	local said ends
	said=$(client curl -sf -m $((5 * patience)) -w '%{local_ip}:%{local_port} %{remote_ip}:%{remote_port}' \
		"$(url "$1" /who "$2")") || return 1
	ends=${said##*$'\n'}
	[[ ${said%%$'\n'*} == "$ends" ]] || { echo "$said"; return 1; }
}

# Through the proxy, or past it, by the instances' own count of what they accepted.
counted() { # WANTED COMMAND...
	local before after wanted=$1
	before=$(accepted)
	shift
	"$@" || return 1
	after=$(accepted)
	((after - before == wanted)) || { echo "accepted: $before, then $after"; return 1; }
}

refused() { # ADDRESS PORT
	client curl -s -m $((5 * patience)) -o /dev/null "http://$1:$2/8k"
	[[ $? == 7 ]] || { echo "http://$1:$2: curl's status is not 7 (refused)"; return 1; }
}

proxies() { # WHAT
	local family port address
	for family in 4 6; do
		for port in 80 8000 8100; do
			check "$1: an object over IPv$family port $port, proxied" \
				counted 1 object "$family" "$port"
			check "$1: both ends see each other over IPv$family port $port" \
				counted 1 who "$family" "$port"
		done
		for port in 1234 9000; do
			check "$1: IPv$family port $port of a server is forwarded" \
				counted 0 object "$family" "$port"
		done
	done
	for address in "${own[@]}"; do
		for port in 80 8050 1234; do
			check "$1: own address $address port $port refused" \
				counted 0 refused "$address" "$port"
		done
	done
}

# Has conntrack on in the namespace, as an operator's rule would: the service's packets
# must leave no entry in it, forwarded ones must.
untracked() { # WHAT
	local family port
	inside nft -f - <<-'NFT'
		table inet witness {
			chain forward {
				type filter hook forward priority 0; policy accept;
				ct state established counter
			}
			chain input {
				type filter hook input priority 0; policy accept;
				ct state established counter
			}
		}
	NFT
	for family in 4 6; do
		for port in 80 8000 8100; do
			object "$family" "$port" || not_ok "$1: an object beside conntrack" "port $port"
		done
		refused "${own[family / 2 - 2]}" 80
	done
	expect "$1: no conntrack entry of the service" 0 \
		"$(inside cat /proc/sys/net/netfilter/nf_conntrack_count)"
	object 4 9000
	object 6 9000
	expect "$1: the witness sees what is forwarded" 2 \
		"$(inside cat /proc/net/nf_conntrack | grep -c 'dport=9000')"
	inside nft delete table inet witness
}

links() { # how many sk_lookup programs the namespace has, by the kernel's list
	bpftool -j link show | jq --argjson ino "$(blade stat -Lc %i /run/netns/pep0)" \
		'[.[] | select(.type == "netns" and .netns_ino == $ino)] | length'
}

listening() {
	inside ss -Htln | awk '{ n = split($4, a, ":"); print a[n] }' | sort -un | wc -l
}

witnesses() { # SCENARIO ENGINE
	local nft xt=0 sets=0 programs=1 sockets=102
	case $1-$2 in
	NF-IPT-nft) sets=2 sockets=1 ;;
	NF-IPT-iptables) xt=2 sockets=1 ;;
	SK-LOOKUP-*) programs=2 sockets=1 ;;
	esac
	expect "$1 $2: sk_lookup programs, by bpftool" "$programs" "$(links)"
	expect "$1 $2: ports listened on, by ss" "$sockets" "$(listening)"
	nft=$(inside nft list ruleset 2>/dev/null)
	expect "$1 $2: TPROXY rules of nft, by nft" "$sets" "$(grep -c 'tproxy ip6\? to' <<<"$nft")"
	expect "$1 $2: TPROXY rules of iptables, by iptables-save" "$xt" \
		"$( (inside iptables-save; inside ip6tables-save) 2>/dev/null |
			grep -c -- '-j TPROXY --on-port 1234')"
	[[ $1 == NF-IPT ]] || expect "$1: no rule at all, by nft" "" "$nft"
}

mends() { # WHAT COMMAND...
	local what=$1
	shift
	"$@" || not_ok "$what: damage it" "$*"
	expect "$what: degraded" degraded "$(field .state)"
	check "$what: up mends it" up
	expect "$what: up again" up "$(field .state)"
	check "$what: an object after it" counted 1 object 6 8000
}

scenario() { # SCENARIO ENGINE
	local what="$1${2:+ $2}" before ino
	configure "$1" "$2"
	before=$(leftovers none)
	check "$what: up" up || return
	ino=$(blade stat -Lc %i /run/netns/pep0)
	expect "$what: status" up "$(field .state)"
	case $(field .scenario) in
	"$1"*) ok "$what: status names it: $(field .scenario)" ;;
	*) not_ok "$what: status names it" "$(field .scenario)" ;;
	esac
	check "$what: up again changes nothing" up
	datapath_is
	witnesses "$1" "$2"
	proxies "$what"
	case $1-$2 in
	NF-IPT-nft)
		untracked "$what"
		mends "$what, chain emptied" inside nft flush chain inet hapep to-proxy
		mends "$what, table gone" inside nft delete table inet hapep
		mends "$what, a foreign rule in it" inside nft add rule inet hapep to-proxy counter
		;;
	NF-IPT-iptables)
		untracked "$what"
		mends "$what, chain emptied" inside iptables -t mangle -F PREROUTING
		mends "$what, a rule gone" inside ip6tables -t raw -D OUTPUT 1
		;;
	NO-NF-* | NF-NO-IPT-*)
		expect "$what: nothing is tracked" 0 \
			"$(inside cat /proc/sys/net/netfilter/nf_conntrack_count 2>/dev/null || echo 0)"
		;;
	esac
	check "$what: down" down
	expect "$what: nothing is left" "$before" "$(leftovers "$ino")"
}

# What the kernel has no netfilter for is refused before anything is changed.
impossible() { # SCENARIO ENGINE
	local before
	configure "$1" "$2"
	before=$(leftovers none)
	up >"$scratch/out" 2>&1
	expect "$1 $2 without netfilter: exit 1" 1 $?
	check "$1 $2: it says what is missing" grep -qi "scenario $1: .*netfilter" "$scratch/out"
	expect "$1 $2: nothing is changed" "$before" "$(leftovers none)"
}

# With accept = cpu the instance on the CPU that the SYN arrived on takes it.
on_cpu() { # SCENARIO ENGINE
	local cpu before share # of the 40 that each CPU fetches
	configure "$1" "$2" 'accept = cpu'
	check "$1 $2, accept = cpu: up" up || return
	for cpu in 0 1; do
		before=$(field ".instances[$cpu].accepted")
		client taskset -c "$cpu" bash -c "for i in \$(seq 20); do
			curl -sf -o /dev/null $(url 4 /8k 8000) && curl -sf -o /dev/null '$(url 6 /8k)' || exit 1
		done" || not_ok "$1 $2, accept = cpu: objects" "one failed"
		share=$((($(field ".instances[$cpu].accepted") - before) * 100 / 40))
		if ((share >= 95)); then
			ok "$1 $2, accept = cpu: CPU $cpu's connections stay on CPU $cpu ($share %)"
		else
			not_ok "$1 $2, accept = cpu: CPU $cpu's connections stay" "$share %"
		fi
	done
	down
}

lab_begin
conf=$scratch/scenario.conf
lab origin start --port 80,8000,8100,1234,9000,21 >/dev/null

if netfilter; then
	possible=5
else
	possible=2
fi
expect "hapep scenario: nothing in service, $possible possible here" "$possible" \
	"$(blade "$hapep" scenario --json | jq '[.here[] | select(.possible)] | length')"
for name in NO-NF NF-NO-IPT NF-IPT SK-LOOKUP; do
	blade "$hapep" scenario "$name" >"$scratch/out" 2>&1
	expect "hapep scenario $name of a blade that is down: exit 1" 1 $?
	check "and says what to do" grep -q "is down: set scenario = $name in its" "$scratch/out"
done
for name in nonsense nf-ipt 'NF-IPT nonsense' 'NO-NF nft' 'NF-IPT nft more' '--dry-run'; do
	# shellcheck disable=SC2086 # more than one word
	blade "$hapep" scenario $name >"$scratch/out" 2>&1
	expect "hapep scenario $name: exit 2" 2 $?
	check "and says why" grep -qE 'expected NO-NF|unexpected argument|goes with' "$scratch/out"
done
configure NO-NF nft
sed -i 's/^scenario.*/&\nno_nf = strict/' "$conf"
if netfilter; then
	up >"$scratch/out" 2>&1
	expect "NO-NF strict on a kernel with netfilter: exit 1" 1 $?
	check "and says what to do" grep -q 'CONFIG_NETFILTER=n.*bindeb-pkg.*no_nf = effective' "$scratch/out"
	present=effective
else
	check "NO-NF strict on a kernel without netfilter: up" up
	down
	present=strict
fi

scenario NO-NF nft
for way in NF-NO-IPT:nft NF-IPT:nft NF-IPT:iptables; do
	if netfilter; then
		scenario "${way%:*}" "${way#*:}"
	else
		impossible "${way%:*}" "${way#*:}"
	fi
done
scenario SK-LOOKUP nft

configure NO-NF nft
up
expect "NO-NF: status" "NO-NF ($present)" "$(field .scenario)"
down

configure SK-LOOKUP nft
up
check "hapep scenario names the one in service" bash -c "
	'$tests/lab/lab' --name $LAB_NAME exec blade '$hapep' scenario | grep -q '^scenario: SK-LOOKUP'"
kill -9 "$(field .supervisor_pid)"
no_links() { [[ $(links) == 0 ]]; }
check "SK-LOOKUP, supervisor killed: no program stays" until_true 2 no_links
check "SK-LOOKUP, supervisor killed: up mends it" up
check "SK-LOOKUP: an object after it" counted 1 object 4 8100
down

if (($(nproc) >= 2)); then
	netfilter && on_cpu NF-IPT nft
	netfilter && on_cpu NF-IPT iptables
	on_cpu SK-LOOKUP nft
else
	skip "accept = cpu" "this machine has one CPU"
fi

# More than one multiport match takes, and nearly every port there is.
ports='21,23,25,80,82,84,86,88,90,92,94,96,98,100-102,110,8000-8100'
if netfilter; then
	configure NF-IPT iptables
	check "NF-IPT iptables, 17 ranges: up" up
	check "NF-IPT iptables, 17 ranges: the first" counted 1 object 4 21
	check "NF-IPT iptables, 17 ranges: the last" counted 1 object 6 8100
	check "NF-IPT iptables, 17 ranges: beside them" counted 0 object 6 9000
	down
fi
ports=1-65534
for way in NF-IPT:nft NF-IPT:iptables SK-LOOKUP:nft; do
	[[ $way != NF-* ]] || netfilter || continue
	configure "${way%:*}" "${way#*:}" 'model = threads'
	check "$way, all ports, threads: up" up
	for port in 21 1234 9000; do
		check "$way, all ports: port $port proxied" counted 1 who 4 "$port"
	done
	check "$way, all ports: own address refused" refused 10.1.0.2 22
	down
done
test_end
