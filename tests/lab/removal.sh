# shellcheck shell=bash disable=SC2154 # variables are lab's
# SPDX-License-Identifier: GPL-2.0-or-later
# Ends what runs in the lab, and takes the lab away.

# Runs a shell's script with the blade's mounts, if they came as far as its own /run: in
# mounts that unshare(1) had no time to make private, an umount would reach the machine's.
in_blade() { # SCRIPT
	[[ ! $(blade_mounts) ]] || nsenter --mount="$state/blade.mnt" -- sh -c \
		"[ \"\$(findmnt -fno SOURCE /run)\" != hapep-lab-blade ] || $1"
}

# The ids of the lab's namespaces, as in /proc/PID/ns, with those that were made in the
# blade; never the machine's own, which somebody may have given a name there.
namespace_ids() {
	{
		true_namespaces 'net:[%i]' "${own_files[@]}"
		true_namespaces 'mnt:[%i]' "$state/blade.mnt"
		in_blade "find /run/netns -fstype nsfs -printf 'net:[%i]\\n'" 2>/dev/null
	} | grep -vxF -e "$(readlink /proc/self/ns/net)" -e "$(readlink /proc/1/ns/net)"
}

# Processes in the lab's namespaces: they can only be the lab's.
processes() {
	{
		namespace_ids
		find /proc/[0-9]*/ns -maxdepth 1 \( -name net -o -name mnt \) \
			-printf '%l %p\n' 2>/dev/null
	} | awk -F '[ /]' 'NF == 1 { own[$1] } NF > 1 && $1 in own { print $4 }' | sort -u || :
}

# First ask, and give them a second: a supervisor may have things to put back.
end_processes() {
	local signal tries pids

	for signal in TERM KILL; do
		for ((tries = 0; tries < 50; tries++)); do
			mapfile -t pids < <(processes)
			((${#pids[@]})) || return 0
			((tries)) || kill -"$signal" "${pids[@]}" 2>/dev/null || :
			sleep 0.02
		done
	done
	die 1 "cannot end these processes of lab '$name': ${pids[*]}"
}

remove() {
	local own_files=(/run/netns/"$prefix"{client,wire,blade,server,far}) file

	for file in "${own_files[@]}"; do
		[[ ! /proc/self/ns/net -ef $file ]] ||
			die 1 "this is inside lab '$name', in ${file##*/}: work on it from outside"
	done
	end_processes
	# Namespaces made in the blade go now, whoever else may hold on to its mounts.
	in_blade "umount -l -R /run"
	for file in "${own_files[@]}"; do
		[[ ! -e $file ]] || ip netns del "${file##*/}"
	done
	while mountpoint -q "$state"; do
		umount -l -R "$state"
	done
	rm -rf --one-file-system "$state"
}
