#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# test-vm.sh: the test of vm itself, on the host: what it refuses, what it returns, and
# that nothing of it remains. About a minute.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=../lib.sh
. "$here/../lib.sh"

small=(--topology 1x1x1 --memory 512)
scratch=$(mktemp -d)
trap test_cleanup EXIT
export TMPDIR=$scratch/tmp
mkdir "$TMPDIR"

vm() {
	"$here/vm" "$@"
}

# No process has our directory among its arguments, and the directory is empty.
nothing_remains() {
	local left
	left=$(pgrep -fa "$TMPDIR/hapep-vm"; find "$TMPDIR" -mindepth 1)
	[[ ! $left ]] || { echo "left behind: $left"; return 1; }
}

# says STATUS TEXT COMMAND...: ends so, having said TEXT, and leaves nothing.
says() {
	local want=$1 text=$2 said status
	shift 2
	said=$("$@" 2>&1)
	status=$?
	[[ $status == "$want" && $said == *"$text"* ]] ||
		{ echo "expected $want and '$text', got $status and '$said'"; return 1; }
	nothing_remains
}

refusals() {
	local name text arguments
	while IFS='|' read -r name text arguments; do
		# shellcheck disable=SC2086 # several arguments
		check "refuses-$name" says 2 "$text" vm $arguments
	done <<-'END'
		no-command|expected a command|--memory 512
		unknown-option|unknown option --frob|--frob true
		missing-value|--kernel: expected a value|--kernel
		topology|--topology: expected SOCKETSxCORESxTHREADS|--topology 2x4 true
		too-many-cpus|expected at most 255 CPUs, got 800|--topology 8x100x1 true
		memory|--memory: expected MiB|--memory lots true
		timeout|--timeout: expected seconds|--timeout 0 true
		nic|--nic: expected MODEL[@NODE]|--nic Virtio! true
		nic-node|expected a node of 0..1|--nic virtio-net-pci@2 true
		nic-queues|expected one queue|--nic e1000e:4 true
		nic-queue-count|expected 1..256 queues|--nic virtio-net-pci:0 true
	END
}

missing_parts() {
	check missing-kernel says 125 "cannot read" vm --kernel "$scratch/none" true
	check wrong-kernel says 125 "neither a vmlinuz" vm --kernel "$here/vm" true
	check missing-qemu says 125 "install Debian's package qemu-system-x86" \
		env QEMU=no-such-qemu "$here/vm" true
	check unknown-nic says 125 "not a valid device model" vm --nic nosuchnic true
	check not-root says 125 "must be root" \
		setpriv --reuid 65534 --clear-groups "$here/vm" true
	check guests-own-directory says 125 "outside /dev" \
		env -C /dev/shm "$here/vm" true
}

# Kernel from a cold cache twice at once; output, status and arguments come through.
two_at_once() {
	local first second
	export VM_CACHE=$scratch/cache
	"$here/vm" "${small[@]}" --output "$scratch/out" bash -c \
		'echo "$1"; pwd >"$2/here"; touch /touched; exit 7' - 'a  "b" $c' \
		"$scratch/out" >"$scratch/first" 2>&1 &
	first=$!
	"$here/vm" "${small[@]}" uname -n >"$scratch/second" 2>&1 &
	second=$!
	wait "$second" || { echo "second: $? $(<"$scratch/second")"; return 1; }
	wait "$first"
	[[ $? == 7 && $(<"$scratch/first") == 'a  "b" $c' ]] || { cat "$scratch/first"; return 1; }
	[[ $(<"$scratch/second") == blade ]] || { cat "$scratch/second"; return 1; }
	[[ $(<"$scratch/out/here") == "$PWD" ]] || { echo "not in $PWD"; return 1; }
	[[ ! -e /touched ]] || { echo "the guest wrote to the host's root"; return 1; }
	[[ $(find "$VM_CACHE" -type f | wc -l) == 1 ]] || { ls "$VM_CACHE"; return 1; }
	nothing_remains
}

# start COMMAND...: in the guest, in the background, until its first line is there; sets pid.
start() {
	# A shell's background jobs ignore SIGINT unless told otherwise.
	env --default-signal=INT "$here/vm" "${small[@]}" bash -c "echo on; $*" \
		>"$scratch/on" 2>"$scratch/error" &
	pid=$!
	until_true 60 grep -q on "$scratch/on" || { echo "did not start"; return 1; }
}

# The first line is there long before the end.
output_streams() {
	start sleep 5 && kill -0 "$pid" && wait "$pid"
}

# killed SIGNAL STATUS: in the midst of a run.
killed() {
	local status
	start sleep 60 || return 1
	kill "-$1" "$pid"
	wait "$pid"
	status=$?
	[[ $status == "$2" ]] || { echo "expected status $2, got $status"; return 1; }
}

killed_leaves_nothing() {
	killed "$@" && nothing_remains
}

no_process() {
	! pgrep -f "$TMPDIR/hapep-vm" >/dev/null
}

# Nobody can clean up after SIGKILL but the guest must not live on.
sigkill_ends_the_guest() {
	killed KILL 137 || return 1
	until_true 5 no_process || { pgrep -fa "$TMPDIR/hapep-vm"; return 1; }
	rm -rf "${TMPDIR:?}"/*
}

# QEMU crashing before the command started costs a boot, not the run.
boots_again() {
	local qemu
	"$here/vm" "${small[@]}" echo up >"$scratch/up" 2>"$scratch/error" &
	pid=$!
	until_true 10 pgrep -P "$pid" -f qemu-system >/dev/null || return 1
	qemu=$(pgrep -P "$pid" -f qemu-system)
	kill -ABRT "$qemu"
	wait "$pid" || { cat "$scratch/error"; return 1; }
	grep -q 'once more' "$scratch/error" && grep -q up "$scratch/up" && nothing_remains
}

# The guest has all that its root has, also where that is on another file system.
other_file_system() {
	mount -t tmpfs test-vm "$scratch/mount" && cp -r "$here" "$scratch/mount/copy" &&
		cd "$scratch/mount/copy" &&
		[[ $(./vm "${small[@]}" cat ./vm | cksum) == "$(cksum <vm)" ]]
}

guests_nics() {
	local found
	found=$(vm --topology 2x1x1 --nic virtio-net-pci@1:2:mq=on --nic virtio-net-pci \
		bash -c 'cat /sys/class/net/eth[01]/address /sys/class/net/eth[01]/device/../numa_node
			ls /sys/class/net/eth0/queues | grep -c rx')
	[[ ${found//$'\n'/ } == "02:00:00:00:00:01 02:00:00:00:00:02 1 0 2" ]] ||
		{ echo "found ${found//$'\n'/ }"; return 1; }
}

refusals
missing_parts
check two-at-once two_at_once
check output-streams output_streams
check timeout says 124 "as --timeout says" vm "${small[@]}" --timeout 2 sleep 60
check guest-dies says 125 "sysrq triggered crash" \
	vm "${small[@]}" bash -c 'echo c >/proc/sysrq-trigger'
check not-found says 127 "no-such-command" vm "${small[@]}" no-such-command
check sigterm killed_leaves_nothing TERM 143
check sigint killed_leaves_nothing INT 130
check sigkill sigkill_ends_the_guest
check boots-again boots_again
check guests-nics guests_nics
mkdir "$scratch/mount"
check other-file-system unshare --mount --propagation private bash -c \
	"$(declare -f other_file_system); small=(${small[*]}) here='$here' scratch='$scratch'
	other_file_system"
test_end
