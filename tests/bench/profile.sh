# shellcheck shell=bash disable=SC2154 # functions and variables are driver's
# SPDX-License-Identifier: GPL-2.0-or-later
# Where the whole machine's time goes while a case is loaded, and its system calls.

# What is none of ours goes under one name.
ours='^(load|origin|haproxy|hapep|relay|nginx|squid|swapper|ksoftirqd)'

loading() {
	[[ $(lab exec client ss -Htn dport = :80) ]] # of either family
}

# perf, or proc and the first of perf's own words on why not.
verb_profiler() {
	local why
	if why=$(perf record -q -a -e cpu-clock -F 97 -o "$scratch/perf.data" -- true 2>&1); then
		echo perf
	else
		why=$(grep -m 1 '[[:alnum:]]' <<<"$why") || why="it says nothing"
		echo "proc ${why//[\"\\]/}"
	fi
	rm -f "$scratch/perf.data"
}

# [process, function, samples], idle left out. By a timer's clock, since virtual machines
# often have no cycle counter.
by_perf() { # SECONDS
	perf record -q -a -e cpu-clock -F "$hz" -o "$scratch/perf.data" -- \
		sleep "$1" >&2 || rm -f "$scratch/perf.data"
	wait
	[[ -e $scratch/perf.data ]] || return 0
	perf script -i "$scratch/perf.data" -F comm,ip,sym 2>/dev/null | awk -v ours="$ours" '
		NF < 3 || ($1 == "swapper" && $NF ~ /idle|halt|mwait/) { next }
		$1 !~ ours { $1 = $NF = "others" }
		{ sub(/\/.*/, "", $1); gsub(/["\\]/, "", $NF); n[$1 "\", \"" $NF]++ }
		END { for (k in n) { printf "%s[\"%s\", %d]", join, k, n[k]; join = ",\n" } }'
	rm -f "$scratch/perf.data"
}

# A line for each process, "PID:START NAME USER SYSTEM" in ticks (one that goes on as another
# program is the same still), and the CPUs' as 0, of whose eight times all but idle, iowait
# and steal are somebody's.
proc_times() {
	{
		# A process may end as it is looked at.
		cat /proc/[0-9]*/stat 2>/dev/null || :
	} | sed -nE 's/^([0-9]+) \((.*)\) . /\1\t\2\t/p' |
		awk -F '\t' '{ split($3, f, " "); gsub(/[ "\\]/, "_", $2); print $1 ":" f[19], $2, f[11], f[12] }'
	awk '$1 == "cpu" { print 0, "all", $2 + $3, $4 + $7 + $8 }' /proc/stat
}

# [process, user or system, ticks]; what no process has is interrupts' on an idle CPU, or
# had ended.
by_proc() { # SECONDS
	proc_times >"$scratch/times.before"
	sleep "$1"
	proc_times >"$scratch/times.after"
	wait
	awk -v ours="$ours" '
		function add(process, mode, ticks) {
			if (ticks > 0) n[process "\", \"" mode] += ticks
		}
		NR == FNR { user[$1] = $3; sys[$1] = $4; next }
		{ u = $3 - user[$1]; s = $4 - sys[$1] }
		$1 == "0" { rest += u + s; next }
		{ rest -= u + s; sub(/\/.*/, "", $2); name = $2 ~ ours ? $2 : "others" }
		{ add(name, "user", u); add(name, "system", s) }
		END {
			add("no process", "interrupts while idle, or ended", rest)
			for (k in n) { printf "%s[\"%s\", %d]", join, k, n[k]; join = ",\n" }
		}' "$scratch/times.before" "$scratch/times.after"
	rm -f "$scratch"/times.{before,after}
}

profile_times() { # perf|proc SECONDS KIND KEY=VALUE...
	verb_load "${@:3}" warmup=0.5 "seconds=$(awk -v s="$2" 'BEGIN { print s + 1 }')" \
		>"$scratch/profile.json" &
	until_true 10 loading || {
		echo "the load does not begin" >&2
		exit 1
	}
	"by_$1" "$2"
}

proxies() { # the pids of what proxies, in the blade and its own namespaces
	local namespace
	{
		ip netns pids "hapep-$HAPEP_LAB-blade"
		for namespace in $(blade ip netns list | cut -d' ' -f1); do
			blade ip netns pids "$namespace" 2>/dev/null || :
		done
	} | while read -r pid; do
		[[ ! $(cat "/proc/$pid/comm" 2>/dev/null) =~ ^(haproxy|relay|nginx|squid)$ ]] || echo "$pid"
	done
}

# [process, system call, number] of a load of its own: by perf, else by strace of the
# proxies alone.
profile_calls() { # KIND KEY=VALUE...
	local pids
	if perf trace -s -a -o "$scratch/calls" -- true 2>/dev/null; then
		perf trace -s -a -o "$scratch/calls" -- "$here/bench/driver" load "$@" \
			>"$scratch/traced.json"
		echo perf >"$scratch/calls_by"
		awk -v ours="$ours" '
			/ events, / { process = $1 ~ ours ? $1 : "others"; next }
			NF >= 7 && $2 ~ /^[0-9]+$/ { n[process "\", \"" $1] += $2 }
			END { for (k in n) { printf "%s[\"%s\", %d]", join, k, n[k]; join = ",\n" } }' \
			"$scratch/calls"
		return
	fi
	mapfile -t pids < <(proxies)
	if ! command -v strace >/dev/null || ((!${#pids[@]})); then
		echo '{}' >"$scratch/traced.json"
		return
	fi
	strace -f -c -o "$scratch/calls" "${pids[@]/#/-p}" 2>/dev/null &
	local tracer=$!
	sleep 0.3
	verb_load "$@" >"$scratch/traced.json"
	kill -INT "$tracer"
	wait "$tracer" || :
	echo "strace -c, of the proxy alone," >"$scratch/calls_by"
	awk '$1 ~ /^[0-9.]+$/ && $NF != "total" {
			printf "%s[\"proxy\", \"%s\", %d]", join, $NF, $4; join = ",\n" }' \
		"$scratch/calls"
}

# In two loads; "hz": samples or ticks a second.
verb_profile() { # KIND KEY=VALUE...
	local word seconds=5 number=0 by=perf hz=997
	for word in "${@:2}"; do
		case $word in
		seconds=*) seconds=${word#*=} ;;
		number=*) number=${word#*=} ;;
		by=*) by=${word#*=} ;;
		esac
	done
	[[ $by == perf ]] || by=proc hz=$(getconf CLK_TCK)
	rm -f "$scratch/calls_by"
	profile_times "$by" "$seconds" "$@" >"$scratch/symbols"
	profile_calls "$@" warmup=0.1 "number=$((number + 1))" >"$scratch/calls.json"
	printf '{ "hz": %s, "seconds": %s, "load": ' "$hz" "$seconds"
	cat "$scratch/profile.json"
	printf ', "symbols": [%s]' "$(cat "$scratch/symbols")"
	printf ', "calls_by": "%s", "traced": ' "$(cat "$scratch/calls_by" 2>/dev/null)"
	cat "$scratch/traced.json"
	printf ', "calls": [%s] }\n' "$(cat "$scratch/calls.json")"
	rm -f "$scratch"/{symbols,calls,calls.json,calls_by}
}
