#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hapep bench with an outside generator: its hook, what that is told, what it does not know.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

result() { # RUN FILTER
	jq -r "$2" "$scratch/$1/result.json"
}

outside() { # RUN HOOK [OPTION...]
	blade "$hapep" bench table3 --quick --generator external --hook "$2" \
		--config "$tests/lab/lab.conf" --output "$scratch/$1" "${@:3}" \
		>"$scratch/$1.err" 2>&1
}

# hook_make NAME: hook.NAME, that prints stdin; what it was told is in $scratch/told.
hook_make() {
	{
		cat <<HOOK
#!/bin/bash
[[ \$1 == load && \$2 == "\$HAPEP_CASE" && \$3 == 0.3 && \$4 == "\$HAPEP_CONFIGURATION" ]] || exit 9
grep -q '^mode = ' "\$4" && [[ \$(ip netns list) == bench* ]] || exit 8
env | grep ^HAPEP_ >$scratch/told
cat <<JSON
HOOK
		cat
		echo JSON
	} >"$scratch/hook.$1"
	chmod +x "$scratch/hook.$1"
}

lab_begin

hook_make whole <<<'{"tps": 1000, "seconds": 1, "transactions": 1000,
	"latency_us": {"first_byte": {"mean": 2800, "p50": 2700, "p99": 9000}}}'
outside whole "$scratch/hook.whole" --quiet
expect "an outside generator, by a hook: exit 0" "0" $?
expect "its figures are the samples" "6 1000 2800" \
	"$(result whole '"\(.samples | length) \(.samples[0].metrics.tps) \(.samples[0].metrics.ttfb_mean_us)"')"
expect "its blade is down again" "" "$(blade ip netns list)"
expect "the hook is told what to do" "HAPEP_BENCHMARK=table3
HAPEP_CONNECTIONS=16
HAPEP_RUN=$scratch/whole
HAPEP_SECONDS=0.3
HAPEP_SIZE=8192
HAPEP_WARMUP=0.1" "$(grep -v -e ^HAPEP_CASE= -e ^HAPEP_CONFIGURATION= "$scratch/told" | sort)"

# What is not given is nowhere 0: not in a sample, a summary, a report or a comparison.
hook_make part <<<'{"tps": 1000, "failures": null, "latency_us": {"first_byte": {"p50": 2700}}}'
check "a hook that knows little" outside part "$scratch/hook.part" --quiet
expect "what it does not say is no metric" '["tps","ttfb_p50_us"]' \
	"$(result part '.samples[0].metrics | keys | tojson')"
expect "and is not summed up" '["tps","ttfb_p50_us"]' \
	"$(result part '.summary[.samples[0].case] | keys | tojson')"
expect "the report's cells are empty" '| 1000 |  | 2700 |  |  |  |' \
	"$(grep -m 1 -o '| 1000 .*' "$scratch/part/report.md")"
"$hapep" bench compare --json "$scratch/whole" "$scratch/part" >"$scratch/compare"
expect "what one of the runs lacks is not compared" '["tps","ttfb_p50_us"]' \
	"$(jq -c '[.comparison[].metric] | unique' "$scratch/compare")"
check "another hook is a difference" grep -q 'options.hook: .*/hook.whole in A' "$scratch/compare"

hook_make none <<<'{"transactions": 5}'
outside none "$scratch/hook.none" --quiet
expect "no tps: exit 1" 1 $?
expect "and each sample says so" "the hook $scratch/hook.none gave no tps: expected a number" \
	"$(result none '[.samples[].error] | unique | join(";")')"
hook_make word <<<'{"tps": 5, "failures": {"total": "many"}}'
outside word "$scratch/hook.word" --quiet
expect "a word for a number" "the hook $scratch/hook.word gave for failures.total: expected a number" \
	"$(result word '[.samples[].error] | unique | join(";")')"

printf 'nonsense\n900 2.5 x\n900 2.5\n%.0s' {1..6} |
	blade "$hapep" bench table3 --quick --generator external --config "$tests/lab/lab.conf" \
		--output "$scratch/asked" --quiet 2>"$scratch/asked.err"
expect "or asked for on the terminal" "6 900 2500" \
	"$(result asked '"\(.samples | length) \(.samples[5].metrics.tps) \(.samples[5].metrics.ttfb_mean_us)"')"
expect "what was not typed is no metric" '["cpu_us","interrupts_us","switches","system_us","tps","ttfb_mean_us","user_us"]' \
	"$(result asked '.samples[5].metrics | keys | tojson')"
"$hapep" bench peers --generator external --config "$tests/lab/lab.conf" 2>/dev/null
expect "peers needs the lab: exit 2" 2 $?

# ---- the example, whose other host is the lab's client ------------------------------------

# As ssh(1): the words after the host are one line for a shell there.
"$tests/lab/lab" --name "$LAB_NAME" exec client sleep 1000 & # not in a subshell of ours
far=$!
cat >"$scratch/ssh" <<HOOK
#!/bin/bash
[[ \$1 == -q && \$2 == generator ]] || exit 255
exec nsenter --net=/proc/$far/ns/net -- sh -c "\${*:3}"
HOOK
chmod +x "$scratch/ssh"
lab origin start
cp "$root/deploy/bench-hook.example" "$scratch/hook.example"
cat >"$scratch/hook.example.conf" <<CONF
host=generator
ssh=($scratch/ssh -q)
program=$BUILD/libexec/hapep/load/load
target=$server4:80
sources=10.100.3.1-10.100.3.250
path=/8k
CONF
check "the example hook, over ssh" outside example "$scratch/hook.example" --quiet
expect "the other host's figures are the samples" "6 0 true" \
	"$(result example '.samples | "\(length) \(map(.metrics.failures) | add) \(all(.metrics.tps > 0 and .metrics.ttfb_p99_us > 0))"')"
expect "it is loaded as was asked for" "16 0.3 0.1" \
	"$(result example '.samples[0].load.options | "\(.connections) \(.duration) \(.warmup)"')"
cat >>"$scratch/hook.example.conf" <<CONF
tool=wrk
program=/usr/bin/wrk
CONF
if command -v wrk >/dev/null; then
	check "the example hook, with wrk" outside wrk "$scratch/hook.example" --quiet
	expect "wrk has no time to first byte" "6 true false" \
		"$(result wrk '.samples | "\(length) \(all(.metrics.tps > 0 and .metrics.failures == 0)) \(any(.metrics | has("ttfb_mean_us") or has("mbps")))"')"
else
	skip "the example hook, with wrk" "there is no wrk: make deps installs it"
fi
echo "target=" >>"$scratch/hook.example.conf"
outside unset "$scratch/hook.example" --quiet
expect "without a target it says what is missing" \
	"hook: hook.example says: $scratch/hook.example.conf: expected target=ADDRESS:PORT, what serves behind the blade" \
	"$(result unset '[.samples[].error] | unique | join(";")')"

# ---- two at once, and one that is killed ---------------------------------------------------

hook_make slow <<<'{"tps": 1}'
sed -i '2i sleep 60' "$scratch/hook.slow"
"$tests/lab/lab" --name "$LAB_NAME" exec blade \
	"$hapep" bench table3 --quick --generator external --hook "$scratch/hook.slow" \
	--config "$tests/lab/lab.conf" --output "$scratch/slow.run" --quiet 2>/dev/null &
first=$!
check "a blade of the benchmark's is up" until_true 20 blade test -e /run/hapep-bench/bench -a -e /run/netns/bench
outside second "$scratch/hook.whole"
expect "another one on this blade: exit 1" 1 $?
check "it names the first" grep -q "pid $first, has this machine's blade 'bench': wait" "$scratch/second.err"
check "and leaves no directory's lock" test ! -e "$scratch/second/.lock"
kill -9 "$first"
wait "$first" 2>/dev/null
check "killed, it leaves its blade" blade test -e /run/netns/bench
check "the next one takes it over" outside third "$scratch/hook.whole"
check "and says so" grep -q "removed blade 'bench', which a benchmark that was killed had left" "$scratch/third.err"
expect "nothing is left" "" "$(blade ip netns list; blade ls /run/hapep-bench 2>/dev/null)"
kill "$far"
test_end
