# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# snapshot.sh: functions that write down all of this network namespace's state, and the
# machine's, that a blade in service touches, by tools that are not hapep's.

# snapshot_nic NIC: what the driver was told.
snapshot_nic() {
	local option
	for option in -k -l -x -g -c -a; do
		echo "ethtool $option $1"
		ethtool "$option" "$1" 2>&1
	done
	grep -r . "/sys/class/net/$1/queues" --include='[xr]ps_*' 2>/dev/null | sort
	grep . /proc/irq/*/smp_affinity_list
}

# Processes but for kernel threads and the ps that lists them.
snapshot_processes() {
	ps -eo pid,ppid,args --no-headers |
		awk '$1 != 2 && $2 != 2 && $3 !~ /^(ps|awk)$/'
}

# Values that move by themselves are left out.
snapshot_sysctls() {
	grep -rs . /proc/sys/net | grep -v nf_conntrack_count | sort
}

snapshot_bpf() {
	bpftool prog list | grep -o '^[0-9]*: .*'
	bpftool link list
}

# The service's own: directories, sockets, namespaces, mounts, control groups.
snapshot_files() {
	find /run -path /run/vm -prune -o -print | sort
	# Others on the machine make and remove control groups of their own meanwhile.
	find /sys/fs/bpf -type d -o -path '/sys/fs/bpf/*' | sort
	find /sys/fs/cgroup -type d -name '*hapep*' | sort
	ss -xlH | awk '{ print $5 }' | sort
	cat /proc/mounts
}

# snapshot_take DIR NIC: a file for each kind of state.
snapshot_take() {
	local dir=$1 nic=$2
	mkdir -p "$dir"
	ip -d link >"$dir/link"
	ip addr >"$dir/address"
	{ ip route show table all; ip -6 route show table all; } >"$dir/route"
	{ ip rule; ip -6 rule; } >"$dir/rule"
	ip neigh | sed 's/ [A-Z]*$//' >"$dir/neighbour"
	tc qdisc >"$dir/qdisc"
	{
		for hook in ingress egress; do
			tc filter show dev "$nic" "$hook"
		done
	} >"$dir/filter" 2>&1
	snapshot_nic "$nic" >"$dir/nic"
	snapshot_sysctls >"$dir/sysctl"
	snapshot_bpf >"$dir/bpf"
	snapshot_files >"$dir/files"
	snapshot_processes >"$dir/processes"
}

# snapshot_same BEFORE AFTER KIND: true, or how the difference begins.
snapshot_same() {
	[[ -s $1/$3 || $3 == neighbour || $3 == filter || $3 == bpf ]] ||
		{ echo "nothing was written down"; return 1; }
	diff -U0 "$1/$3" "$2/$3" | sed '1,2d; 20q'
	return "${PIPESTATUS[0]}"
}
