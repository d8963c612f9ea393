#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hapep bench: what a run refuses to go on with, two at once, what is killed, a full disk.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

scratch=$(mktemp -d)
trap test_cleanup EXIT
trap 'exit 130' INT TERM

samples() { # DIRECTORY: how many there are so far
	jq '.samples | length' "$1/result.json" 2>/dev/null || echo 0
}

has_samples() { # DIRECTORY
	(($(samples "$1") > 0))
}

left() { # what benchmarks of this test have on this machine
	local pid
	for pid in "${pids[@]}"; do
		ip netns list | grep -o "^hapep-bench$pid-[^ ]*"
		ls -d "/run/hapep-lab/bench$pid" "/run/hapep-bench/bench$pid" 2>/dev/null
	done
}
pids=()

# begin RUN OPTION...: in the background, until it has a sample.
begin() {
	"$hapep" bench table3 --quick --rounds 2 --quiet --output "$scratch/$1" \
		"${@:2}" 2>"$scratch/$1.err" &
	pids+=("$!")
	until_true 60 has_samples "$scratch/$1" || not_ok "$1" "$(cat "$scratch/$1.err")"
}

# refuse NAME WORDS SUITE OPTION...: exit 1, in these words, and nothing is touched.
refuse() {
	local said sum
	sum=$(sha256sum "$run/result.json" "$run"/configurations/*)
	said=$("$hapep" bench "$3" --resume --output "$run" --quiet "${@:4}" 2>&1)
	expect "--resume, $1: exit 1" 1 $?
	if [[ $said == *"$2"* ]]; then
		ok "--resume, $1: says so"
	else
		not_ok "--resume, $1: says so" "$said"
	fi
	expect "--resume, $1: leaves the run as it is" "$sum" \
		"$(sha256sum "$run/result.json" "$run"/configurations/*)"
}

# ---- two at once, the first of which is killed -----------------------------------------

run=$scratch/first
begin first
kill -STOP "${pids[0]}" # it would add samples meanwhile
refuse "while it runs" "$run is the directory of another \`hapep bench\`, pid ${pids[0]}, that still runs: wait for it, or name another one with --output" table3
said=$("$hapep" bench table3 --quick --output "$run" 2>&1)
check "nor can it be begun again there" grep -q "pid ${pids[0]}," <<<"$said"
kill -9 "${pids[0]}"
wait "${pids[0]}" 2>/dev/null
check "killed, it leaves its lab" grep -q "^hapep-bench${pids[0]}-blade" <(left)

# ---- what does not belong together -------------------------------------------------------

has="--resume: $run has"
refuse "seconds" "$has seconds = 0.3, and this call means 1: give the same --seconds, or leave it out, or begin another run with --output" table3 --seconds 1
refuse "family" "$has family = 4, and this call means 6: give the same --family" table3 --family 6
refuse "origin" "$has origin = origin, and this call means nginx: give the same --origin" table3 --origin nginx
refuse "generator" "$has generator = lab, and this call means external: give the same --generator" \
	table3 --generator external --config "$tests/lab/lab.conf"
refuse "fewer rounds" "$has rounds = 2, and this call means 1: they can only become more; leave --rounds out" table3 --rounds 1
refuse "another benchmark" "$has suite = table3, and this call means splice: say \`hapep bench table3\`" splice
sed 's/^\[haproxy\]/&\nbacklog = 4096/' "$tests/lab/lab.conf" >"$scratch/other.conf"
refuse "another configuration" "has haproxy.backlog = 8192, and this call means 4096: put it back, or begin another run" \
	table3 --config "$scratch/other.conf"
cp "$run/result.json" "$scratch/kept"
machine() { # FILTER: the run as if of another machine
	jq -c "$1" "$scratch/kept" >"$run/result.json"
}
machine '.machine.kernel = "5.10.0"'
refuse "another kernel" "$run was measured with machine.kernel = 5.10.0, and here it is $(uname -r): samples of the two do not belong together; begin another run with --output" table3
machine '.machine.processor = "abacus"'
refuse "another machine" "machine.processor = abacus, and here" table3
machine '.machine.hapep = "0.0.1"'
refuse "another hapep" "machine.hapep = 0.0.1, and here" table3
machine '.machine.packages.haproxy = "1.4"'
refuse "another HAProxy" "machine.packages.haproxy = 1.4, and here" table3
machine '.options.quick = false'
refuse "a run that is not --quick" "$has quick = no, and this call means yes: leave --quick out" table3 --quick
cp "$scratch/kept" "$run/result.json"
sum=$(jq -c '.samples[0]' "$run/result.json")
check "what belongs together goes on, over the lab that was left" \
	"$hapep" bench table3 --resume --output "$run" --quiet
expect "with the samples that were there" "$sum" "$(jq -c '.samples[0]' "$run/result.json")"
expect "to the end" "12 true" "$(jq -r '"\(.samples | length) \(.complete)"' "$run/result.json")"
expect "and nothing is left" "" "$(left)"

# ---- another run finds what a killed one left ----------------------------------------------

begin second
kill -9 "${pids[1]}"
wait "${pids[1]}" 2>/dev/null
check "another that is killed" grep -q . <(left)
"$hapep" bench table3 --quick --output "$scratch/third" >"$scratch/third.err" 2>&1
expect "the next run is well" "0 6" "$? $(samples "$scratch/third")"
check "and says what it removed" grep -q \
	"removed lab 'bench${pids[1]}', which a benchmark that was killed had left" "$scratch/third.err"
expect "that is all" "" "$(left)"

# ---- a full disk, once the first sample is on it --------------------------------------------

# In mounts of its own, which go with the last process in them. Bash's own job keeps the pid.
mkdir "$scratch/disk"
cat >"$scratch/inside" <<'INSIDE'
mount -t tmpfs -o size=2m bench-disk "$1/disk" || exit 9
"$2" bench table3 --quick --quiet --output "$1/disk/run" 2>"$1/disk.err" &
pid=$!
until [[ $(jq '.samples | length' "$1/disk/run/result.json" 2>/dev/null) -gt 0 ]]; do
	kill -0 "$pid" 2>/dev/null || break
	sleep 0.02
done
cat /dev/zero >"$1/disk/full" 2>/dev/null
wait "$pid"
echo "$pid $?" >"$1/disk.status"
jq '.samples | length' "$1/disk/run/result.json" >"$1/disk.samples"
rm "$1/disk/full"
"$2" bench table3 --quick --quiet --resume --output "$1/disk/run" 2>"$1/disk.resumed"
echo "$? $(jq '[.samples[] | select(has("error") | not)] | length' "$1/disk/run/result.json")"
INSIDE
went_on=$(unshare --mount --propagation private bash "$scratch/inside" "$scratch" "$hapep")
read -r pid status <"$scratch/disk.status"
pids+=("$pid")
expect "a full disk: exit 1" 1 "$status"
check "it says what to do" grep -q "No space left on device: make room, then go on with .hapep bench table3 --resume --output $scratch/disk/run" "$scratch/disk.err"
check "what was measured is kept whole" test "$(cat "$scratch/disk.samples")" -gt 0
expect "with room again it goes on to the end" "0 6" "$went_on" || sed 's/^/# /' "$scratch/disk.resumed"
expect "and nothing of it is left" "" "$(left)"

# ---- profiles where perf does not work -------------------------------------------------------

cat >"$scratch/perf" <<'PERF'
#!/bin/sh
echo "perf: no permission to look" >&2
exit 1
PERF
chmod +x "$scratch/perf"
# Instead of perf in mounts of its own. Statistics end with the descriptor: nothing to restore.
cat >"$scratch/inside" <<'INSIDE'
perf=$(command -v perf) && mount --bind "$1/perf" "$perf"
"$2" bench peers --quick --seconds 1 --profile --output "$1/profile" \
	--case forwarding --case hapep
INSIDE
statistics=$(cat /proc/sys/kernel/bpf_stats_enabled)
check "a profile without perf" unshare --mount --propagation private bash "$scratch/inside" \
	"$scratch" "$hapep"
profile() { # FILTER, of hapep's profile
	jq -r ".profiles.hapep | $1" "$scratch/profile/result.json"
}
expect "it is by /proc" "proc" "$(profile .by)"
expect "those that take part are in it" "haproxy load origin" \
	"$(profile '[.us[] | select(.[0] | IN("haproxy", "load", "origin"))[0]] | unique | join(" ")')"
expect "of all CPUs, what the time had, and no more" true "$(profile "
	[.us[][2]] | add * $(jq .profiles.hapep.tps "$scratch/profile/result.json") / 1e6 |
	. > 0.2 and . < 1.3 * $(nproc)")"
expect "hapep's programs ran for each transaction" true \
	"$(profile '[.runs[] | select(.[1] | startswith("hapep_"))[2]] | add > 4')"
expect "and took time" true "$(profile '[.programs[][2]] | add | . > 0.05 and . < 1000')"
expect "the system calls are strace's" "strace -c, of the proxy alone," "$(profile .calls_by)"
check "the report says why" grep -q "functions are not known, since perf does not work here (.*perf" \
	"$scratch/profile/report.md"
check "and has the programs" grep -q '^| BPF program | runs a transaction | forwarding | more |' \
	"$scratch/profile/report.md"
expect "statistics are as they were" "$statistics" "$(cat /proc/sys/kernel/bpf_stats_enabled)"
test_end
