# shellcheck shell=bash disable=SC2154 # variables are lab's
# SPDX-License-Identifier: GPL-2.0-or-later
# What the lab is made of, and how it is made.

doing= # what build() is at, for its message should it fail

all_namespaces() {
	echo client wire blade server
	[[ ! $far ]] || echo far
}

nics() {
	echo nic0
	[[ $layout == tagged ]] || echo nic1
}

# "PORT PROGRAM" of each of the wire's ports
ports() {
	local port

	for port in client server $(nics); do
		case $layout-$port in
		tagged-* | two-nics-client) echo "$port $port" ;;
		*) echo "$port ${layout//-/_}_$port" ;;
		esac
	done
}

program() { # NAME: the path of its object, built if need be
	local build=${BUILD:-.build} repo object
	repo=$(cd "$HERE/../.." && pwd -P)

	if [[ -e $HERE/$1.bpf.o ]]; then # installed
		echo "$HERE/$1.bpf.o"
		return
	fi
	object=$build/tests/lab/$1.bpf.o
	[[ $build == /* ]] || object=$repo/$object
	if [[ ! -e $object || $HERE/$1.bpf.c -nt $object ]]; then
		make -s -C "$repo" BUILD="$build" "$build/tests/lab/$1.bpf.o" >&2 ||
			die 1 "cannot build $object (see above); 'make deps' installs what it takes"
	fi
	echo "$object"
}

set_sysctls() { # NAMESPACE KEY=VALUE..., keys as they are under /proc/sys/net
	enter "$1" sh -s -- "${@:2}" <<'SH'
for pair; do
	echo "${pair#*=}" >"/proc/sys/net/${pair%%=*}" || exit
done
SH
}

# A router answers at once for any address that it is told to have: no duplicate address
# detection, no reverse path filter, no limit to its ICMP errors. It keeps no TCP metrics,
# by which one test would colour the next.
set_router_sysctls() { # NAMESPACE KEY=VALUE...
	set_sysctls "$1" \
		ipv4/conf/{all,default}/rp_filter=0 \
		ipv6/conf/{all,default}/{disable_ipv6,accept_ra,accept_dad,dad_transmits}=0 \
		ipv4/icmp_ratelimit=0 ipv6/icmp/ratelimit=0 \
		ipv4/tcp_no_metrics_save=1 "${@:2}"
}

make_namespaces() {
	local part

	for part in $(all_namespaces); do
		echo "netns add $prefix$part"
	done | ip -batch -
	# The switch has nothing to say of its own.
	set_sysctls wire ipv6/conf/{all,default}/disable_ipv6=1
	# A generator of short connections with few source addresses uses its ports up faster
	# than TIME_WAIT (60 s) gives them back, and then measures nothing: give it all ports,
	# and each again after a second, which TCP timestamps make safe. ip_nonlocal_bind lets
	# IPv6 sockets bind to what is an address here by local route only; IPv4 needs no help.
	set_router_sysctls client ipv4/ip_local_port_range='1024 65535' ipv4/tcp_tw_reuse=1 \
		ipv6/ip_nonlocal_bind=1
	set_router_sysctls server ipv4/ip_forward=1 ipv6/conf/all/forwarding=1 \
		core/somaxconn=16384 ipv4/tcp_max_syn_backlog=16384 ipv6/ip_nonlocal_bind=1
	[[ ! $far ]] || set_router_sysctls far core/somaxconn=16384
	# Link-local addresses are settled at once: before and after look alike.
	set_sysctls blade ipv6/conf/{all,default}/{accept_dad,dad_transmits}=0
}

# A mount may hold a mount namespace only if that one's id is above the id of the namespace
# that the mount is in, lest two hold each other for ever. Linux 6.18 has each CPU hand ids
# out from a batch of its own, so that below a mount namespace which is not the machine's
# first (a container's, unshare -m's) the next one's id may well be lower, and binding it is
# EINVAL. The CPU that made the lower one's still has higher ids: so each is tried.
make_mount_namespace() { # FILE
	local cpu why

	: >"$1"
	for cpu in '' $(seq 0 $(($(nproc --all) - 1))); do
		! why=$(${cpu:+taskset -c "$cpu"} unshare --mount="$1" \
			--propagation private true 2>&1) || return 0
	done
	say_error "$why"
	return 1
}

# The blade is a machine of its own: its /run (with /run/netns and /run/hapep) and pinned
# BPF objects are its alone, its /sys shows its devices; cgroups are the whole machine's.
# What the machine has mounted below /run goes first: other labs' namespaces are among it,
# and would live for as long as this blade does. One whose lab removes it meanwhile is gone
# from here too, so that only what is left counts.
make_blade_mounts() {
	make_mount_namespace "$state/blade.mnt"
	enter blade nsenter --mount="$state/blade.mnt" -- sh -es <<'SH'
below_run() {
	findmnt -rno TARGET | grep -E '^/run(/|$)' | tac
}
below_run | while read -r target; do
	umount -l "$(printf %b "$target")" 2>/dev/null || :
done
if left=$(below_run) && [ "$left" ]; then
	echo "umount -l does not take away: $left" >&2
	exit 1
fi
mount -t tmpfs -o mode=0755 hapep-lab-blade /run
mkdir -m 1777 /run/lock
mkdir /run/sys
mount -t sysfs sysfs /run/sys
for part in fs/cgroup kernel/debug kernel/tracing kernel/security; do
	! mountpoint -q "/sys/$part" || mount --rbind "/sys/$part" "/run/sys/$part"
done
mount -t bpf bpf /run/sys/fs/bpf
umount -l /sys
mount --move /run/sys /sys
rmdir /run/sys
SH
}

# Links are made where they belong, and never show on the machine. The indexes of the
# wire's ports are what wire.bpf.c knows them by.
make_links() {
	local pair="netns ${prefix}wire type veth peer name"

	ip -batch - <<BATCH
link add client index 100 $pair eth0 netns ${prefix}client address 02:00:00:00:01:01
link add server index 200 $pair eth0 netns ${prefix}server address 02:00:00:00:02:01
link add nic0 index 10 $pair nic0 netns ${prefix}blade address 02:00:00:00:00:10
$([[ $layout == tagged ]] ||
		echo "link add nic1 index 11 $pair nic1 netns ${prefix}blade" \
			"address 02:00:00:00:00:11")
${far:+link add far mtu $far netns ${prefix}server \
type veth peer name eth0 mtu $far netns ${prefix}far}
BATCH
}

# tc mounts a BPF file system wherever it runs: let that be mounts of its own.
attach() { # NAMESPACE HOOK OBJECT; stdin: DEVICE PROGRAM
	local device program

	while read -r device program; do
		echo "qdisc add dev $device clsact"
		echo "filter add dev $device $2 bpf da obj $3 sec tc/$program"
	done | enter "$1" unshare --mount --propagation private tc -batch -
}

make_wire() { # OBJECT
	local port

	ports | attach wire ingress "$1"
	for port in client server $(nics); do
		echo "link set $port up"
	done | ip -n "${prefix}wire" -batch -
	for port in $(nics); do
		# As a NIC has it; a veth has not, unless asked to.
		enter blade ethtool -K "$port" gro on
	done
	for port in lo $(nics); do
		echo "link set $port up"
	done | ip -n "${prefix}blade" -batch -
}

# The prefixes of the clients' addresses. All of a local route's prefix is the machine's
# own, so that 65,536 addresses cost as much as one.
client_prefixes() {
	local bits=1

	if [[ ! $clients ]]; then
		echo 10.100.0.0/16 fd00:100::/64
		return
	fi
	while ((1 << bits <= clients)); do
		((bits += 1))
	done
	echo "10.100.0.0/$((32 - bits)) fd00:100::/$((128 - bits))"
}

make_client() {
	local four six
	read -r four six < <(client_prefixes)

	ip -n "${prefix}client" -batch - <<BATCH
link set lo up
link set eth0 up
addr add 10.1.0.1/24 dev eth0
addr add fd00:1::1/64 dev eth0 nodad
route add local $four dev lo
route add local $six dev lo
route add unreachable 10.100.0.0/16
route add unreachable fd00:100::/64
route add default via 10.1.0.2
route add default via fd00:1::2
BATCH
}

make_server() {
	ip -n "${prefix}server" -batch - <<'BATCH'
link set lo up
link set eth0 up
addr add 10.2.0.1/24 dev eth0
addr add fd00:2::1/64 dev eth0 nodad
route add local 10.200.0.0/24 dev lo
route add local fd00:200::/64 dev lo
route add default via 10.2.0.2
route add default via fd00:2::2
BATCH
}

# The far host offers an Ethernet's segment size (advmss), as if the narrow link were a hop
# away from it: else its peers would never send anything too big for that link.
make_far() { # OBJECT of the black hole
	ip -n "${prefix}server" -batch - <<'BATCH'
link set far up
addr add 10.210.0.1/24 dev far
addr add fd00:210::1/64 dev far nodad
BATCH
	ip -n "${prefix}far" -batch - <<'BATCH'
link set lo up
link set eth0 up
addr add 10.210.0.2/24 dev eth0
addr add fd00:210::2/64 dev eth0 nodad
route add default via 10.210.0.1 advmss 1460
route add default via fd00:210::1 advmss 1440
BATCH
	[[ ! $blackhole ]] || attach server egress "$1" <<<"eth0 blackhole"
}

build_failed() {
	trap unlock EXIT
	say_error "cannot $doing (see above); removing what there is of lab '$name'"
	remove
	exit 1
}

build() {
	local wire hole=

	wire=$(program wire)
	[[ ! $blackhole ]] || hole=$(program blackhole)
	trap build_failed EXIT
	doing="make the directory $state"
	mkdir -m 0700 "$state"
	mount -t tmpfs -o mode=0700 hapep-lab "$state"
	mount --make-private "$state" # or it could not hold a mount namespace
	doing="make the namespaces"
	make_namespaces
	doing="give the blade its own /run and /sys"
	make_blade_mounts
	doing="make the links"
	make_links
	doing="set up the wire"
	make_wire "$wire"
	doing="set up the routers"
	make_client
	make_server
	[[ ! $far ]] || make_far "$hole"
	options >"$state/options"
	trap unlock EXIT
}
