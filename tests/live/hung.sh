#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A supervisor that hangs in the kernel, where no signal reaches it: up says so and changes
# nothing, until it ends. With --full also one that is neither there nor stopped, and has
# longer to answer.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/probes.sh
. "$tests/probes.sh"

state_of() { awk '/^State:/ { print $2 }' "/proc/$1/status"; } # PID

# A control group of kernel version 1 or 2 whose processes are frozen, with the supervisor
# in it: of version 1 they wait in the kernel and cannot be killed, of 2 they sleep.
frozen=
freezer() { # VERSION COMMAND: in that version's root, mounted for this alone
	local kind=(-t cgroup -o freezer)
	[[ $1 == 1 ]] || kind=(-t cgroup2)
	unshare -m bash -c 'mount "${@:2}" none /mnt && cd /mnt && eval "$1"' - "$2" "${kind[@]}"
}
freeze() { # VERSION PID
	local how="echo FROZEN >freezer.state"
	[[ $1 == 1 ]] || how="echo 1 >cgroup.freeze"
	frozen=$1
	freezer "$1" "mkdir $LAB_NAME && cd $LAB_NAME && echo $2 >cgroup.procs && $how" \
		2>"$scratch/said"
}
thaw() {
	local version=$frozen how="echo THAWED >freezer.state"
	[[ $frozen ]] || return 0
	[[ $frozen == 1 ]] || how="echo 0 >cgroup.freeze"
	frozen=
	freezer "$version" "cd $LAB_NAME 2>/dev/null && { $how; cd ..
		for i in {1..100}; do rmdir $LAB_NAME && break; sleep 0.05; done; }" 2>/dev/null
}
# Whatever happens, nothing stays frozen.
thaw_and_clean() {
	local status=$?
	thaw
	(exit "$status")
	test_cleanup
}

lab_begin
trap thaw_and_clean EXIT
lab origin start >/dev/null

# ---- hung in the kernel: there is no ending it ----------------------------------------

configure NO-NF
check "up" up
pid=$(supervisor) serving=$(pids)
if freeze 1 "$pid" && until_true 5 eval '[[ $(state_of "$pid") == D ]]'; then
	journal=$(blade cat /run/hapep/pep0/journal)
	told "hung: up" 1 up --config "$conf"
	says "which, where, and what is to be done" \
		"pid $pid\) does not answer and, killed, does not end .*state D.*nothing else was changed"
	expect "the journal is the same" "$journal" "$(blade cat /run/hapep/pep0/journal)"
	expect "and it is there" "D $pid" "$(state_of "$pid") $(supervisor)"
	thaw
	check "let go it ends" until_true 5 ended "$pid"
	check "and up starts another" up
else
	skip "hung in the kernel" "no freezer: $(<"$scratch/said")"
fi
thaw
expect "it is up" up "$(status .state)"

# ---- neither stopped nor in the kernel: it has longer ---------------------------------

if [[ ${HAPEP_TEST_FULL:-} ]]; then
	pid=$(supervisor) serving=$(pids)
	if freeze 2 "$pid"; then
		replaced "asleep"
		says "it had ten seconds" 'has not answered for 1[0-9]\.[0-9] s, it sleeps'
	else
		skip "asleep" "no freezer: $(<"$scratch/said")"
	fi
	thaw
fi
check "down" down
test_end
