#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# NO-NF, strict and effective: every live test on a kernel without netfilter, both
# datapaths; effective by the kernel's own list of hooks, and on Debian's kernel with and
# without its security modules; the configuration that an operator's kernel gets.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

vm() { # NAME VM'S ARGUMENT...
	local name=$1 status
	shift
	"$tests/vm/vm" --topology 1x2x1 --memory 3072 --timeout 5400 "$@"
	status=$?
	((status == 0)) || failed=1
	((status <= 1)) || not_ok "$name" "the virtual blade ended with status $status"
}

# What deploy/kernel makes of a kernel's own configuration, without the build.
configuration() { # FILE
	"$root/deploy/kernel/build" --check --config "$1" --output "$scratch/kernel" &&
		! grep -q '^CONFIG_NETFILTER=' "$scratch/kernel/config"
}

# A configuration that cannot give what hapep needs is refused, with what it lacks.
lacking() { # FILE
	sed 's/^CONFIG_NET_SCHED=y/# CONFIG_NET_SCHED is not set/
		s/^CONFIG_BPF_SYSCALL=y/# CONFIG_BPF_SYSCALL is not set/' "$1" |
		sed 's/^CONFIG_MODULES=y/# CONFIG_MODULES is not set/' >"$scratch/lacking"
	! "$root/deploy/kernel/build" --check --config "$scratch/lacking" \
		--output "$scratch/kernel" >"$scratch/out" 2>&1 &&
		grep -q "wants '.*', and the result has no" "$scratch/out"
}

scratch=$(mktemp -d)
trap test_cleanup EXIT
for config in /boot/config-*; do
	check "deploy/kernel over ${config#/boot/}" configuration "$config"
	check "deploy/kernel over the same without modules: refused" lacking "$config"
done
strict=$("$tests/vm/guest-kernel" no-netfilter) || not_ok "kernel no-netfilter" "not built"
listed=$("$tests/vm/guest-kernel" netfilter) || not_ok "kernel netfilter" "not built"
for datapath in bpf mirred; do
	[[ ! $strict ]] || vm "strict, $datapath" --kernel "$strict" "$tests/vm/live.sh" "$datapath" \
		"$tests"/live/{scenarios,lifecycle,transparency,ineligible,looping,pmtu,protocol}.sh
done
[[ ! $listed ]] || vm "effective, listed" --kernel "$listed" "$tests/vm/live.sh" auto "$tests/live/hooks.sh"
vm "effective, Debian" --append lsm=landlock,lockdown,yama,integrity "$tests/vm/live.sh" auto "$tests/live/hooks.sh"
vm "AppArmor's hook" "$tests/vm/live.sh" auto "$tests/live/hooks.sh"
test_end
