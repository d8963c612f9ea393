#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every step failed and killed at: afterwards `hapep down` leaves no trace of the blade.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/vm/snapshot.sh
. "$tests/vm/snapshot.sh"


# Everything of the blade that a service may touch, as its own tools tell it. The
# processes are those that carry this lab's mark in their environment.
take() { # DIR
	mkdir -p "$1"
	blade bash -c "
		. '$tests/vm/snapshot.sh'
		snapshot_processes() { :; }
		snapshot_bpf() { :; } # the machine's, other labs' too
		snapshot_take '$1' nic0" >/dev/null 2>&1
	marked >"$1/processes"
}

marked() {
	local pid
	for pid in /proc/[0-9]*; do
		grep -qz "^HAPEP_LAB_MARK=$LAB_NAME\$" "$pid/environ" 2>/dev/null &&
			tr '\0' ' ' <"$pid/cmdline" && echo
	done
	return 0
}

same() { # DIR
	local kind bad=0
	for kind in "$scratch"/before/*; do
		diff -U0 "$kind" "$1/${kind##*/}" || bad=1
	done
	return "$bad"
}

up() { # [FAULT]
	blade env HAPEP_LAB_MARK="$LAB_NAME" ${1:+HAPEP_FAULT="$1"} \
		"$hapep" up --quiet --config "$conf"
}

down() {
	blade "$hapep" down --quiet
}

# One fault: up must fail (or die), and down must restore.
fault() { # WHERE STEP
	local name="$1 at $2" status dir=$scratch/$1-$2
	up "$1:$2" >"$scratch/out" 2>&1
	status=$?
	case $1 in
	fail | partial)
		if ((status != 1)); then
			not_ok "$name" "exit status $status: $(cat "$scratch/out")"
		else
			take "$dir"
			check "$name: rolled back at once" same "$dir"
		fi
		;;
	*) ((status > 128)) || not_ok "$name" "was not killed: status $status" ;;
	esac
	if ! down >"$scratch/out" 2>&1; then
		not_ok "$name" "down: $(cat "$scratch/out")"
		return
	fi
	take "$dir"
	check "$name: down restores" same "$dir"
	rm -rf "$dir"
}

lab_begin
conf=$scratch/faults.conf # NF-IPT has every step that there is
sed 's/^\[blade\]/&\nscenario = NF-IPT/' "$lab_conf" >"$conf"
steps=$(blade "$hapep" up --dry-run --config "$conf" | sed -n 's/^# \([a-z-]*\): .*/\1/p')
expect "the dry run names the steps" nic-client-flags "$(head -n 1 <<<"$steps")"
take "$scratch/before"

for step in $steps; do
	for where in fail partial record before after; do
		fault "$where" "$step"
	done
done

up >/dev/null 2>&1
take "$scratch/while"
for step in $steps; do
	blade env HAPEP_FAULT="undo:$step" "$hapep" down --quiet 2>/dev/null
	down || not_ok "killed in the undo of $step" "the next down fails"
	take "$scratch/undo"
	check "killed in the undo of $step: the next down restores" same "$scratch/undo"
	up >/dev/null 2>&1 || not_ok "up again after $step" "it fails"
done
down
down || not_ok "down twice" "status $?"
take "$scratch/after"
check "down twice leaves no trace" same "$scratch/after"
if diff -rq "$scratch/before" "$scratch/while" >/dev/null; then
	not_ok "the witness sees a blade in service" "no difference while it was up"
else
	ok "the witness sees a blade in service"
fi
test_end
