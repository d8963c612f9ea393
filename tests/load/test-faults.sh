#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Proves that the load generator finds each kind of failure, on purpose-made faults.
#
# Usage: tests/load/test-faults.sh [FOLDER]     FOLDER holds load and origin
# Runs as root, in a network namespace of its own that ends with it. Exit 0 or 1.
set -eu

if [ "${1:-}" != --inside ]; then
	exec unshare --net -- "$0" --inside "${1:-.build/tests/load}"
fi
folder=$2
ip link set lo up
scratch=$(mktemp -d)
origin=
finish() {
	[ -z "$origin" ] || kill -TERM "$origin" 2>/dev/null || true
	# Were it stopped, the signal would wait.
	[ -z "$origin" ] || kill -CONT "$origin" 2>/dev/null || true
	rm -rf "$scratch"
}
trap finish EXIT

"$folder/origin" --listen 127.0.0.1:80 --listen '[::1]:80' --listen 127.0.0.1:81 \
	--listen 127.0.0.1:82 \
	>"$scratch/origin.out" 2>"$scratch/origin.err" &
origin=$!
for _ in {1..1000}; do
	grep -q ready "$scratch/origin.err" && break
	sleep 0.02
done

failed=0
cases=0
# expect STATUS KIND COUNT OPTION... : exit status, and so many failures, all of KIND
expect() {
	local status=$1 kind=$2 count=$3 got=0 saw
	shift 3
	cases=$((cases + 1))
	"$folder/load" --json "$@" >"$scratch/json" 2>"$scratch/err" || got=$?
	saw=$(python3 - "$kind" "$scratch/json" <<-'PYTHON'
		import json, sys
		try:
		    run = json.load(open(sys.argv[2]))
		except ValueError:
		    print("none")
		    raise SystemExit
		kind = sys.argv[1]
		failures = run["failures"]
		done = run["transactions"] + run["drained_transactions"]
		if kind == "ok":
		    print(done if failures["total"] == 0 else failures)
		else:
		    alone = failures["total"] == failures[kind]
		    print(failures[kind] if alone and kind in run["first_failures"]
		          else failures)
	PYTHON
	)
	if [ "$got" != "$status" ] || [ "$saw" != "$count" ]; then
		echo "FAIL: load $*"
		echo "  expected exit $status with $count x $kind, got exit $got with $saw"
		cat "$scratch/err"
		failed=$((failed + 1))
	fi
}
# refuse WORD OPTION... : exit 2, nothing on stdout, one line on stderr that has WORD
refuse() {
	local word=$1 got=0
	shift
	cases=$((cases + 1))
	"$folder/load" "$@" >"$scratch/out" 2>"$scratch/err" || got=$?
	if [ "$got" != 2 ] || [ -s "$scratch/out" ] ||
		[ "$(wc -l <"$scratch/err")" != 1 ] ||
		! grep -qF -e "$word" "$scratch/err"; then
		echo "FAIL: load $*: exit $got, expected 2 and one line with '$word'"
		cat "$scratch/err"
		failed=$((failed + 1))
	fi
}

"$folder/origin" --print 8k >"$scratch/8k"
"$folder/origin" --print 8193 >"$scratch/8193"
"$folder/origin" --print 3m >"$scratch/3m"
{ head -c 8191 "$scratch/8k"; printf '\0'; } >"$scratch/last"

for target in 127.0.0.1:80 "[::1]:80"; do
	at=(--target "$target")
	expect 0 ok 200 "${at[@]}" --count 200 --expect-file "$scratch/8k"
	expect 0 ok 200 "${at[@]}" --count 200 --who
	expect 0 ok 20 "${at[@]}" --count 20 --path /3m --expect-file "$scratch/3m"
	expect 0 ok 200 "${at[@]}" --count 200 --expect-size 8192 --close rst
	expect 1 short 50 "${at[@]}" --count 50 --path /fault/short
	expect 1 corrupted 50 "${at[@]}" --count 50 --path /fault/long
	expect 1 corrupted 50 "${at[@]}" --count 50 --path /fault/corrupted \
		--expect-file "$scratch/8k"
	expect 1 reset 50 "${at[@]}" --count 50 --path /fault/reset
	expect 1 reset 50 "${at[@]}" --count 50 --path /fault/late-reset
	expect 1 short 50 "${at[@]}" --count 50 --path /fault/empty
	expect 1 timeout 16 "${at[@]}" --count 16 --path /fault/silent --timeout 0.2
	expect 1 timeout 16 "${at[@]}" --count 16 --path /fault/open --timeout 0.2
	expect 1 http-status 50 "${at[@]}" --count 50 --path /fault/status
	expect 1 http-status 50 "${at[@]}" --count 50 --path /nothing
	expect 1 other 50 "${at[@]}" --count 50 --path /fault/garbage
	expect 1 other 50 "${at[@]}" --count 50 --path /fault/chunked
	expect 0 ok 50 "${at[@]}" --count 50 --path /fault/unlengthed --expect-size 8192
	expect 1 short 50 "${at[@]}" --count 50 --path /fault/unlengthed \
		--expect-size 8193
	expect 1 mismatch 50 "${at[@]}" --count 50 --path /fault/stranger --who
	expect 1 mismatch 50 "${at[@]}" --count 50 --path /fault/impostor --who
	expect 1 mismatch 50 "${at[@]}" --count 50 --path /8k --who
	# The very last byte, one byte too few, one too many.
	expect 1 corrupted 50 "${at[@]}" --count 50 --expect-file "$scratch/last"
	expect 1 short 50 "${at[@]}" --count 50 --expect-file "$scratch/8193"
	expect 1 corrupted 50 "${at[@]}" --count 50 --path /8193 \
		--expect-file "$scratch/8k"
	expect 0 ok 500 "${at[@]}" --connections=500 --hold 0.3 --threads 2
done
expect 1 refused 50 --target 127.0.0.1:9 --count 50
expect 1 refused 50 --target '[::1]:9' --count 50
expect 0 ok 300 --target 127.0.0.1:80 --target '[::1]:80' --target 127.0.0.1:82 \
	--source 127.1.0.1-127.1.0.50 --count 300 --who --threads 2
expect 0 ok 200 --target 127.0.0.1:80 --rate 1000 --count 200 --threads 2

# lingering PORT-SIDE COUNT: so many connections to port 81 are in TIME_WAIT or the like
lingering() {
	local left
	cases=$((cases + 1))
	left=$(ss -Htan "( $1 = :81 )" | grep -cv LISTEN) || true
	if [ "$left" != "$2" ]; then
		echo "FAIL: $left connections linger with $1 81, expected $2"
		failed=$((failed + 1))
	fi
}
expect 0 ok 100 --target 127.0.0.1:81 --count 100 --close rst
lingering sport 0
lingering dport 0
expect 1 timeout 10 --target 127.0.0.1:81 --count 10 --path /fault/open --timeout 0.1
lingering dport 0
expect 0 ok 100 --target 127.0.0.1:81 --count 100 --close fin
lingering dport 0
lingering sport 100

# Ports run out: 20 of them, 40 connections held.
sysctl -qw net.ipv4.ip_local_port_range='40000 40019'
expect 1 local 20 --target 127.0.0.1:80 --connections 40 --hold 0.1
# Two sources have twice the ports.
expect 0 ok 40 --target 127.0.0.1:80 --connections 40 --hold 0.1 \
	--source 127.1.0.1-127.1.0.2
sysctl -qw net.ipv4.ip_local_port_range='32768 60999'

# A server that stops for half a second: in an open loop, those due meanwhile count.
(sleep 0.5; kill -STOP "$origin"; sleep 0.5; kill -CONT "$origin") &
expect 0 ok 2000 --target 127.0.0.1:80 --rate 1000 --count 2000 --connections 10
wait $!
cases=$((cases + 1))
python3 - "$scratch/json" <<'PYTHON' || failed=$((failed + 1))
import json, sys
latency = json.load(open(sys.argv[1]))["latency_us"]["first_byte"]
# A quarter of all waited, evenly from 0 to 500 ms: 10 per cent over 300 ms. A closed
# loop would have had as many as it has connections wait, and all others not.
if latency["p90"] < 200000:
    sys.exit(f"FAIL: open loop over a stop of 500 ms: p90 {latency['p90']} us")
PYTHON

one=(--target 127.0.0.1:80)
refuse '--target is missing' --count 1
refuse '--target' --target
refuse "got '127.0.0.1'" --target 127.0.0.1
refuse "got '127.0.0.1:0'" --target 127.0.0.1:0
refuse "got '127.0.0.1:65536'" --target 127.0.0.1:65536
refuse "got '::1:80'" --target ::1:80
refuse "got 'localhost:80'" --target localhost:80
refuse "unknown option '--targets'" --targets 127.0.0.1:80
refuse 'given twice' "${one[@]}" --count 1 --count 2
refuse "is not an option" "${one[@]}" more
refuse "takes no value" "${one[@]}" --json=yes
refuse "needs a value" "${one[@]}" --count
refuse "--count: expected" "${one[@]}" --count 0
refuse "--count: expected" "${one[@]}" --count -1
refuse "--count: expected" "${one[@]}" --count 1x
refuse "--count: expected" "${one[@]}" --count ' 1'
refuse "--count: expected" "${one[@]}" --count 99999999999999999999
refuse "--rate: expected" "${one[@]}" --rate inf
refuse "--rate: expected" "${one[@]}" --rate 0x10
refuse "--duration: expected" "${one[@]}" --duration 1.2.3
refuse "--duration: expected" "${one[@]}" --duration ''
refuse "--threads 9 is more" "${one[@]}" --threads 9 --connections 8
refuse "hard limit" "${one[@]}" --connections 1000000
refuse "--cpus" "${one[@]}" --cpus 0,,1
refuse "--cpus" "${one[@]}" --cpus 1000
refuse "--cpus" "${one[@]}" --cpus 0,0
refuse "--cpus" "${one[@]}" --cpus 1-0
refuse "fin or rst" "${one[@]}" --close maybe
refuse "'/'" "${one[@]}" --path 8k
refuse "blanks" "${one[@]}" --path '/a b'
refuse "blanks" "${one[@]}" --host $'a\r\nb'
refuse "--source" "${one[@]}" --source 10.0.0.1-
refuse "--source" "${one[@]}" --source 10.0.0.9-10.0.0.1
refuse "mixes" "${one[@]}" --source 10.0.0.1-fd00::1
refuse "of no use" "${one[@]}" --source fd00::1
refuse "2^32" --target '[::1]:80' --source fd00::-fd00::1:0:0
refuse "No such file" "${one[@]}" --expect-file /nonexistent
refuse "no regular file" "${one[@]}" --expect-file /dev/zero
refuse "8192 bytes" "${one[@]}" --expect-file "$scratch/8k" --expect-size 8191
refuse "--who" "${one[@]}" --who --expect-size 1
refuse "--hold" "${one[@]}" --hold 1 --rate 5

if ((failed)); then
	echo "not ok load generator: $failed of $cases cases failed"
else
	echo "ok load generator: $cases cases"
fi
[ "$failed" = 0 ]
