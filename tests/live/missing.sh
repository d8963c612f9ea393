#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Missing parts and things in the way: a clear error, the right status, nothing changed.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

shape() {
	blade bash -c 'ip -d link; ip addr; tc qdisc; ip netns list; find /run -not -path "*/mount*" -not -name log -not -name supervisor.pid | sort
		tc filter show dev nic0 ingress; ethtool -k nic0'
}

# conf_with SECTION "KEY = VALUE": the lab's configuration with a key set.
conf_with() {
	awk -v section="[$1]" -v line="$2" '
		BEGIN { split(line, part, " ") }
		/^\[/ { here = $0 == section; print; if (here) { print line; done = 1 }; next }
		here && $1 == part[1] { next }
		{ print }
		END { if (!done) print section "\n" line }' "$conf" >"$scratch/with.conf"
}

# refused NAME STATUS WORDS COMMAND...: in the blade.
refused() {
	local name=$1 status=$2 words=$3 before after found
	shift 3
	before=$(shape)
	blade "$@" >"$scratch/out" 2>&1
	found=$?
	after=$(shape)
	if ((found != status)); then
		not_ok "$name" "exit status $found, not $status: $(cat "$scratch/out")"
	elif ! grep -qE "$words" "$scratch/out"; then
		not_ok "$name" "no '$words' in: $(cat "$scratch/out")"
	elif [[ $before != "$after" ]]; then
		not_ok "$name" "it changed: $(diff <(echo "$before") <(echo "$after"))"
	else
		ok "$name"
	fi
}

with() { # NAME STATUS WORDS SECTION LINE
	conf_with "$4" "$5"
	refused "$1" "$2" "$3" "$hapep" up --config "$scratch/with.conf"
}

lab_begin
conf=$lab_conf
refused "no CAP_NET_ADMIN" 1 'net_admin.*run hapep as root' \
	setpriv --bounding-set -net_admin --inh-caps -net_admin "$hapep" up --config "$conf"
refused "no CAP_SYS_ADMIN" 1 'sys_admin.*run hapep as root' \
	setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$hapep" up --config "$conf"
cp "$hapep" "$scratch/hapep"
chmod 755 "$scratch"
refused "an ordinary user" 1 'run hapep as root' \
	setpriv --reuid nobody --clear-groups "$scratch/hapep" up --config "$conf"
refused "no configuration file" 2 "/etc/hapep/pep0.conf.*No such file" "$hapep" up
with "no haproxy binary" 1 "/nowhere/haproxy.*haproxy" haproxy 'binary = /nowhere/haproxy'
with "a binary that is no haproxy" 1 "/bin/true" haproxy 'binary = /bin/true'
with "an unknown user" 1 "no user 'nosuch'" haproxy 'user = nosuch'
with "an unknown congestion control" 1 "client.congestion.*'nosuch'; it has: .*cubic" \
	client 'congestion = nosuch'
with "no such NIC" 1 "client.nic.*'eth9'" client 'nic = eth9'
with "an offline CPU" 1 "CPU 777 is offline" haproxy 'cpus = 0,777'
with "an MTU above the NIC's" 1 "server.mtu: 9000 is more than the 1500" server 'mtu = 9000'
with "more connections than descriptors" 1 'descriptors.*LimitNOFILE' \
	haproxy 'maxconn = 1000000'
refused "a descriptor limit too low" 1 'descriptors' \
	prlimit --nofile=64:64 "$hapep" up --config "$conf"
if "$hapep" render --config /dev/null >/dev/null 2>&1; then
	not_ok "an empty configuration" "it is accepted"
else
	ok "an empty configuration is refused"
fi

if zgrep -qs '^# CONFIG_NET_CLS_FLOWER is not set' /proc/config.gz; then
	with "a kernel without the asked-for datapath" 1 'flower.*(modprobe|module|bpf)' \
		blade 'datapath = mirred'
else
	skip "a kernel without the asked-for datapath" "this kernel has flower"
fi

blade ip netns add pep0
refused "the namespace's name taken" 1 "namespace 'pep0' exists and is not hapep's.*--name" \
	"$hapep" up --config "$conf"
blade ip netns del pep0
blade ip link add pep0-s type veth peer name other
refused "a host end's name taken" 1 "interface 'pep0-s' exists and is not hapep's" \
	"$hapep" up --config "$conf"
blade ip link del pep0-s
blade ip addr add 192.0.2.7/24 dev nic0
cp "$tests/lab/lab-untagged.conf" "$scratch/untagged.conf"
blade ip link add nic1 type veth peer name other
refused "an untagged NIC with the machine's own address" 1 \
	"carries this machine's own address 192.0.2.7" "$hapep" up --config "$scratch/untagged.conf"
blade ip addr del 192.0.2.7/24 dev nic0
blade ip link del nic1

blade "$hapep" netns up --quiet --config "$conf"
lab exec blade ip netns exec pep0 python3 -c '
import socket, time
s = socket.socket(socket.AF_INET6)
s.bind(("::", 80)); s.listen(); time.sleep(20)' >/dev/null 2>&1 &
holder=$!
until_true 5 bash -c "'$tests/lab/lab' --name $LAB_NAME exec blade ip netns exec pep0 \
	ss -Htln | grep -q :80" || not_ok "the holder of the port" "it does not listen"
refused "the service port taken" 1 'port 80: another program in the namespace listens' "$hapep" up --config "$conf"
kill "$holder" 2>/dev/null
check "down after all that" blade "$hapep" down --quiet
refused "an unknown command" 2 "no command 'upp'" "$hapep" upp
refused "an unknown option" 2 "no option '--frob'" "$hapep" up --frob
refused "an option without its value" 2 "wants a value" "$hapep" up --config
refused "a bad name" 2 "expected 1 to 9 letters" "$hapep" up --name ../x
refused "no argument for netns" 2 "expected up, down or show" "$hapep" netns
test_end
