# shellcheck shell=bash disable=SC2154 # functions and variables are driver's
# SPDX-License-Identifier: GPL-2.0-or-later
# What a user would have instead of hapep: each KIND is KIND_up and KIND_down, on the
# untagged lab's blade, whose kernel may know no VLAN devices.

proxy_port=1234
# Two a connection, below the hard limit on descriptors that many containers have.
proxy_maxconn=8000

# The blade as a plain router, of both families; what stands upon it knows IPv4 alone.
# IPv6 forwards before it has addresses and after: else a subnet's anycast address may be
# counted twice, and stay.
forward_up() {
	blade sh -es <<'SH'
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip addr add fd00:1::2/64 dev nic0 nodad
ip addr add fd00:2::2/64 dev nic1 nodad
ip route add fd00:100::/64 via fd00:1::1
ip route add fd00:200::/64 via fd00:2::1
ip addr add 10.1.0.2/24 dev nic0
ip addr add 10.2.0.2/24 dev nic1
ip route add 10.100.0.0/16 via 10.1.0.1
ip route add 10.200.0.0/24 via 10.2.0.1
echo 1 >/proc/sys/net/ipv4/ip_forward
for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >"$f"; done
echo '1024 65535' >/proc/sys/net/ipv4/ip_local_port_range
echo 16384 >/proc/sys/net/core/somaxconn
SH
}

# All of it, and of what stands upon it, whatever of that there is.
forward_down() {
	blade sh -s <<'SH'
while ip rule del fwmark 1 lookup 100 2>/dev/null; do :; done
ip route flush table 100 2>/dev/null
ip -4 addr flush dev nic0
ip -4 addr flush dev nic1
ip -6 addr flush dev nic0 scope global
ip -6 addr flush dev nic1 scope global
ip -6 route del fd00:100::/64 2>/dev/null
ip -6 route del fd00:200::/64 2>/dev/null
echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
echo 0 >/proc/sys/net/ipv4/ip_forward
nft flush ruleset
SH
	tracking_down
}

# Each proxied connection is two entries of connection tracking, which by the kernel's own
# value stay 120 s in TIME_WAIT: at 16,000 connections a second the table of 262144 is full
# after 8 s, and then each new connection is dropped; 1,100 a second is what it can sustain.
# Its size is the whole machine's, not a namespace's; its times are, so they are shortened
# as whoever runs a proxy behind a firewall that keeps state has to. Entries whose time is
# over go as others are looked up: about half the table stays in use.
tracking_up() {
	blade sh -es >"$scratch/tracking" <<'SH'
cd /proc/sys/net/netfilter
for key in nf_conntrack_tcp_timeout_time_wait nf_conntrack_tcp_timeout_close; do
	echo "$key $(cat $key)"
	echo 1 >$key
done
SH
}

# The next case finds no entry of this one's.
tracking_down() {
	local key value why
	[[ -e $scratch/tracking ]] || return 0
	while read -r key value; do
		echo "$value" | blade tee "/proc/sys/net/netfilter/$key" >/dev/null
	done <"$scratch/tracking"
	rm "$scratch/tracking"
	why=$(blade conntrack -F 2>&1) || {
		echo "conntrack -F does not empty the blade's connection tracking table: $why" >&2
		return 1
	}
}

# How many packets connection tracking dropped: of a table that is full all new
# connections', else, hardly ever, a SYN that meets an entry which is just being removed.
tracking_drops() {
	[[ -e $scratch/tracking ]] || return 0
	blade conntrack -S | grep -o ' drop=[0-9]*' | awk -F= '{ n += $2 } END { print n + 0 }'
}

# A load whose packets never came to the proxy says nothing of it. DROPS: before it.
tracking_held() { # DROPS
	local drops
	drops=$(tracking_drops)
	((${drops:-0} == ${1:-0})) && return
	echo "connection tracking dropped $((drops - $1)) packets of new connections, with" \
		"$(blade cat /proc/sys/net/netfilter/nf_conntrack_count) of" \
		"$(blade cat /proc/sys/net/netfilter/nf_conntrack_max) entries after the load:" \
		"where the table was full, a larger net.netfilter.nf_conntrack_max on this" \
		"machine is what it takes" >&2
	return 1
}

# Marked packets are for this machine's sockets.
local_table() {
	blade sh -es <<'SH'
ip rule add fwmark 1 lookup 100
ip route add local 0.0.0.0/0 dev lo table 100
SH
}

# As the kernel's Documentation/networking/tproxy.rst and the how-tos after it have it:
# the socket match spares established connections the TPROXY rule. Their firewalls keep
# state, so connection tracking is on.
tproxy_rules() {
	local_table
	blade sh -es <<SH
iptables -t mangle -N DIVERT
iptables -t mangle -A DIVERT -j MARK --set-mark 1
iptables -t mangle -A DIVERT -j ACCEPT
iptables -t mangle -A PREROUTING -p tcp -m socket -j DIVERT
iptables -t mangle -A PREROUTING -p tcp --dport 80 -j TPROXY --tproxy-mark 1 \
	--on-port $proxy_port
iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
SH
	tracking_up
}

serving() { # NAME
	until_true 10 listening blade "$proxy_port" || {
		echo "$1 does not start: $(tail -n 1 "$scratch/$1.log")" >&2
		return 1
	}
}

haproxy_start() { # THREADS; stdin: the listen section's own lines
	{
		cat <<CFG
global
	maxconn $proxy_maxconn
	nbthread $1
defaults
	mode tcp
	timeout connect 10s
	timeout client 1m
	timeout server 1m
listen proxy
CFG
		cat
	} >"$scratch/haproxy.cfg"
	background blade haproxy haproxy -db -f "$scratch/haproxy.cfg"
	serving haproxy
}

haproxy_howto() { # THREADS
	forward_up
	tproxy_rules
	haproxy_start "$1" <<CFG
	bind 0.0.0.0:$proxy_port transparent
	source 0.0.0.0 usesrc clientip
	server origin 0.0.0.0:0
CFG
}

# Not transparent: clients connect to the blade, the server sees the blade.
haproxy_plain_up() {
	forward_up
	haproxy_start 1 <<CFG
	bind 0.0.0.0:$proxy_port
	server origin $server4:80
CFG
}
haproxy_plain_down() { haproxy_howto_down; }

haproxy_howto_up() { haproxy_howto 1; }
haproxy_howto_threads_up() { haproxy_howto "$(nproc)"; }
haproxy_howto_down() {
	stop haproxy
	forward_down
}
haproxy_howto_threads_down() { haproxy_howto_down; }

# nginx sees a TPROXY connection's destination, but can only connect to what its
# configuration names: so its client side is REDIRECT, and the origin is named.
nginx_stream_up() {
	local module=/usr/lib/nginx/modules/ngx_stream_module.so
	forward_up
	local_table
	blade sh -es <<SH
iptables -t nat -A PREROUTING -i nic0 -p tcp --dport 80 -j REDIRECT --to-ports $proxy_port
iptables -t mangle -A PREROUTING -i nic1 -p tcp --sport 80 -j MARK --set-mark 1
SH
	tracking_up
	{
		[[ ! -e $module ]] || echo "load_module $module;"
		cat <<CFG
user root;
worker_processes auto;
worker_rlimit_nofile $((2 * proxy_maxconn + 1000));
daemon off;
pid $scratch/nginx.own.pid;
error_log $scratch/nginx.log;
events { worker_connections $proxy_maxconn; }
stream {
	server {
		listen $proxy_port backlog=8192 reuseport;
		proxy_bind \$remote_addr transparent;
		proxy_pass $server4:80;
	}
}
CFG
	} >"$scratch/nginx.conf"
	background blade nginx nginx -c "$scratch/nginx.conf" -e "$scratch/nginx.log"
	serving nginx
}

nginx_stream_down() {
	stop nginx
	forward_down
}

# squid drops to its own user, so its folder is that user's.
squid_up() {
	forward_up
	tproxy_rules
	mkdir -p "$scratch/squid"
	chown proxy "$scratch/squid"
	cat >"$scratch/squid.conf" <<CFG
http_port 127.0.0.1:3128
http_port 0.0.0.0:$proxy_port tproxy
http_access allow all
cache deny all
cache_mem 8 MB
access_log none
cache_log $scratch/squid/cache.log
pid_filename $scratch/squid/pid
coredump_dir $scratch/squid
visible_hostname bench
dns_nameservers 127.0.0.1
max_filedescriptors $((2 * proxy_maxconn))
shutdown_lifetime 0 seconds
pinger_enable off
netdb_filename none
via off
forwarded_for transparent
CFG
	background blade squid squid -N -f "$scratch/squid.conf"
	serving squid
}

squid_down() {
	stop squid
	forward_down
}
