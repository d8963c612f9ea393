# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034
# What live tests share: their lab, their verdicts, and cleaning up whatever happens.
#
# A live test sources this, calls lab_begin, prints its verdicts with ok, not_ok, skip
# or check, and ends with test_end. Everything it makes carries its own lab's name.
#
# HAPEP_DATAPATH is the datapath to test (default auto), HAPEP_PATIENCE the factor by
# which a slow machine stretches time limits (default 1). lab_begin writes $lab_conf, the
# lab's configuration with that datapath.

tests=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(dirname "$tests")
BUILD=${BUILD:-$root/.build}
hapep=$BUILD/hapep
load=$BUILD/tests/load/load
export BUILD
patience=${HAPEP_PATIENCE:-1}
failed=0
scratch=
lab_conf=

server4=10.200.0.1
server6=fd00:200::1

ok() {
	echo "ok $1"
}

not_ok() { # NAME WHY
	echo "not ok $1: ${2//$'\n'/; }"
	failed=1
}

skip() { # NAME REASON
	echo "skip $1: $2"
}

# check NAME COMMAND...: what COMMAND prints is why, should it fail.
check() {
	local name=$1 why
	shift
	if why=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name" "'$*' says: ${why:-nothing, status $?}"
		return 1
	fi
}

# expect NAME WANTED FOUND
expect() {
	if [[ $2 == "$3" ]]; then
		ok "$1"
	else
		not_ok "$1" "expected '$2', found '$3'"
		return 1
	fi
}

# until_true SECONDS COMMAND...: polls. SECONDS is ample on a quiet machine; a busy one has
# four times that, a slow one its patience. Only what fails takes so long.
until_true() {
	local end=$((SECONDS + $1 * (patience > 4 ? patience : 4)))
	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

lab() {
	"$tests/lab/lab" --name "$LAB_NAME" "$@"
}

client() { lab exec client "$@"; }
server() { lab exec server "$@"; }
blade() { lab exec blade "$@"; }

# The client's family decides which server address it speaks to.
url() { # FAMILY PATH [PORT]
	if [[ $1 == 6 ]]; then
		echo "http://[$server6]:${3:-80}$2"
	else
		echo "http://$server4:${3:-80}$2"
	fi
}

# stalls_watch: from now on, notes when this machine runs nobody's ordinary process for a
# third of a second or more, how long and until when, in milliseconds; a witness that has
# nothing to do with what is tested.
stalls_watch() {
	local quiet last now
	exec {quiet}<> <(:) # nothing ever comes: a sleep without a process
	while kill -0 $$ 2>/dev/null; do
		last=${EPOCHREALTIME/[.,]/}
		read -rt 0.05 -u "$quiet"
		now=${EPOCHREALTIME/[.,]/}
		((now - last < 333000)) || echo "$(((now - last) / 1000)) $((now / 1000))" >>"$scratch/stalls"
	done &
	stalls_pid=$!
	exec {quiet}<&-
}

# stalled FROM TO: the longest such time that was between, in milliseconds; false if none.
stalled() {
	awk -v from="$1" -v to="$2" '$2 >= from && $2 - $1 <= to && $1 > most { most = $1 }
		END { if (most) print most; exit !most }' "$scratch/stalls" 2>/dev/null
}

# The blade's own words on why connections went past the proxy.
gate_told() {
	blade grep -E 'gate: |not answered|leaves the listening' /run/hapep/pep0/log | tail -n 12 |
		sed 's/^/# /'
}

# The gate never shut but while the supervisor was held up, as its log has it.
held_up_alone() {
	blade grep -q 'gate: the supervisor was held up' /run/hapep/pep0/log &&
		! blade grep -qE 'gate: (pass|closed)' /run/hapep/pep0/log
}

# none_passed NAME: a gate that shut while the whole machine stood still, or a slow one kept
# the supervisor from running, did what it is for, and is told apart; anything else is a
# failure.
none_passed() {
	local passed longest
	passed=$(blade "$hapep" status --json | jq .gate.passed_connections)
	if [[ $passed == 0 ]]; then
		ok "$1"
	elif longest=$(stalled 0 99999999999999) &&
		blade grep -qE 'gate: (pass|the supervisor was held up)' /run/hapep/pep0/log; then
		skip "$1" "$passed did, but the machine stood still for $longest ms"
		gate_told
	elif ((patience > 1)) && held_up_alone; then
		skip "$1" "$passed did, while this slow machine held the supervisor up"
		gate_told
	else
		not_ok "$1" "$passed did"
		gate_told
	fi
}

# What the redirects between NIC and namespace are made of, by tc: bpf or mirred, where all
# of that kind are there; else what there is.
datapath_found() {
	local found
	# shellcheck disable=SC2016 # jq's
	found=$(blade bash -c 'for dev in /sys/class/net/nic* pep0-c pep0-s; do
			dev=${dev##*/}
			tc -j filter show dev "$dev" ingress | jq -r --arg dev "${dev%[01]}" "$1"
		done' - '.[] | select(.options) | if .kind == "bpf" then .options.bpf_name
			else .options.actions[]? | select(.mirred_action == "redirect").to_dev
			end | "\($dev) \(sub("^nic[01]"; "nic"))"' 2>&1 | sort -u | paste -sd,)
	case $found in
	"nic hapep_nic,pep0-c hapep_host,pep0-s hapep_host") echo bpf ;;
	"nic pep0-c,nic pep0-s,pep0-c nic,pep0-s nic") echo mirred ;;
	*) echo "${found:-none}" ;;
	esac
}

# datapath_is [WANTED]: the redirects in service are of the datapath asked for; of auto,
# what status says that it chose.
datapath_is() {
	local wanted=${1:-${HAPEP_DATAPATH:-auto}}
	[[ $wanted != auto ]] || wanted=$(blade "$hapep" status --json | jq -r .datapath)
	expect "datapath $wanted, by tc" "$wanted" "$(datapath_found)"
}

test_cleanup() {
	local status=$?
	trap - EXIT
	[[ ! ${stalls_pid:-} ]] || kill "$stalls_pid"
	[[ ${LAB_NAME:-} ]] && lab down >/dev/null 2>&1
	[[ $scratch ]] && rm -rf "$scratch"
	exit "$status"
}

# lab_begin [lab up's options]: a lab of this test's own, gone when it ends.
lab_begin() {
	LAB_NAME=t$$
	export LAB_NAME
	scratch=$(mktemp -d)
	trap test_cleanup EXIT
	trap 'exit 130' INT TERM
	lab_conf=$scratch/lab.conf
	sed "s/^datapath = .*/datapath = ${HAPEP_DATAPATH:-auto}/" "$tests/lab/lab.conf" \
		>"$lab_conf"
	lab up "$@" >/dev/null || { not_ok lab "does not come up"; exit 1; }
}

test_end() {
	exit "$failed"
}
