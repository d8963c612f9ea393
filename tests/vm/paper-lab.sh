# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# paper-lab.sh: functions for a script in the guest of paper-blade: the networks on both
# sides of the paper's blade.
#
#   namespace client                    eth0                      namespace server
#   10.100.0.0/16  router 10.1.0.1      the blade     router 10.2.0.1  10.200.0.0/24
#   fd00:100::/64  fd00:1::1                          fd00:2::1        fd00:200::/64
#   eth1, VLAN 100 ------------------ one switch ------------------ eth2, VLAN 200
#
# Client and server speak to each other only if something on eth0, at 10.1.0.2 and
# fd00:1::2, 10.2.0.2 and fd00:2::2, carries it.
# Each namespace is a router and all the hosts behind it at once: every address of its
# networks is its own (AnyIP: a local route to a whole prefix).

lab_here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
lab_root=/run/paper-lab

lab_client() {
	ip netns exec client "$@"
}

lab_server() {
	ip netns exec server "$@"
}

# lab_side NAMESPACE NIC VLAN NUMBER: the blade is 10.NUMBER.0.2 on that side.
lab_side() {
	local name=$1 nic=$2 vlan=$3 number=$4
	ip netns add "$name"
	ip link set "$nic" netns "$name"
	# What a sender has on its way at once has room in the blade's NIC (machine.sh).
	# A router solicits no routers: that would be heard on the switch now and then.
	ip netns exec "$name" sysctl -qw net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.default.rp_filter=0 net.ipv6.ip_nonlocal_bind=1 \
		net.ipv4.tcp_wmem="4096 16384 262144" \
		net.ipv6.conf.default.accept_ra=0 "net.ipv6.conf.$nic.accept_ra=0"
	ip -n "$name" link set lo up
	ip -n "$name" link set "$nic" up
	ip -n "$name" link add link "$nic" name "v$vlan" type vlan id "$vlan"
	ip -n "$name" addr add "10.$number.0.1/24" dev "v$vlan"
	ip -n "$name" addr add "fd00:$number::1/64" dev "v$vlan" nodad
	ip -n "$name" link set "v$vlan" up
	ip -n "$name" route add default via "10.$number.0.2"
	ip -n "$name" route add default via "fd00:$number::2"
}

# A file of unlike blocks: SIZE bytes that no compression or cache can forge.
lab_object() {
	head -c "$2" /dev/urandom >"$lab_root/www/$1"
}

# lab_up: both sides and the origin, serving /8k, /4m, /big and /who on ports 80 and 8080.
lab_up() {
	modprobe -q 8021q
	ip link set eth0 up
	lab_side client eth1 100 1
	ip -n client route add local 10.100.0.0/16 dev lo
	ip -n client route add local fd00:100::/64 dev lo
	lab_side server eth2 200 2
	ip -n server route add local 10.200.0.0/24 dev lo
	ip -n server route add local fd00:200::/64 dev lo
	mkdir -p "$lab_root/www"
	lab_object 8k 8192
	lab_object 4m 4194304
	truncate -s 256M "$lab_root/www/big"
	chmod -R go+rX "$lab_root"
	lab_server nginx -e stderr -p "$lab_root" -c "$lab_here/paper-nginx.conf"
}

# lab_fetch SOURCE URL [CURL-OPTION...]: the object, asked for from that client address.
lab_fetch() {
	lab_client curl -sS --max-time 60 --interface "$1" "${@:3}" "$2"
}
