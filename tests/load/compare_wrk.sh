#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Compares the load generator with wrk and ab: same server, same cores, interleaved.
#
# Usage: tests/load/compare_wrk.sh [FOLDER [ROUNDS [SECONDS]]]
#        SERVER_CPU=0 CLIENT_CPU=1 choose the cores, CONNECTIONS=64 the load.
#        tests/load/compare_wrk.sh --judge FILE makes no load, but judges FILE's lines of
#        ROUND TOOL TPS TOLD SEEN MEDIAN_US USER_S SYSTEM_S.
# Runs as root, in network namespaces of its own that end with it, joined by a veth pair;
# nginx is the server and its own counters are the witness of what each tool reports.
# Exit status 1, and a line "not ok" for each reason: it counts otherwise than nginx, or by
# more than 3 per cent otherwise than wrk or ab, is slower than wrk (where the server sets
# the pace, by more than 3 per cent), or takes more CPU a transaction.
set -eu

judge() { # ROUNDS
	python3 - "$1" <<'PYTHON'
import statistics, sys

rounds, failed = {}, False
for line in open(sys.argv[1]):
    number, tool, tps, told, seen, p50, user, system = line.split()
    cpu = (float(user) + float(system)) / int(seen)
    rounds.setdefault(tool, []).append((float(tps), int(told), int(seen), cpu))

def verdict(good, words):
    global failed
    failed |= not good
    print(f"{'ok' if good else 'not ok'} {words}")

def pairs(a, b, i=0):
    return [x[i] / y[i] for x, y in zip(rounds[a], rounds[b])]

def ratio(a, b, i=0):
    return statistics.median(pairs(a, b, i))

def counted(tool):
    return [told / seen for _, told, seen, _ in rounds[tool]]

for tool, runs in rounds.items():
    off = max(abs(x - 1) for x in counted(tool)) * 100
    print(f"{tool}: median {statistics.median(r[0] for r in runs):.0f} TPS, told and "
          f"seen differ by at most {off:.2f} per cent")
for tool in "load", "sources":
    off = max(abs(x - 1) for x in counted(tool)) * 100
    verdict(off <= 0.1, f"{tool}: counts as nginx does: {off:.2f} per cent, at most 0.1")
    for other in "wrk", "ab":
        off = max(abs(x / y - 1) for x, y in zip(counted(tool), counted(other))) * 100
        verdict(off <= 3, f"{tool}: counts as {other} does: {off:.2f} per cent, at most 3")
    for other in "wrk", "ab":
        print(f"{tool}: {ratio(tool, other):.3f} of {other}'s TPS, "
              f"{ratio(tool, other, 3):.3f} of its CPU a transaction (medians of pairs)")
# Where the server sets the pace the two are as fast but for noise; CPU is the tool's own.
tps, cpu = ratio("load", "wrk"), ratio("load", "wrk", 3)
verdict(tps >= 1 or (tps >= 0.97 and cpu < 1),
        f"load: as fast as wrk: {tps:.3f} of its TPS, at least 1, or 0.97 with less CPU")
verdict(cpu <= 1,
        f"load: costs no more than wrk: {cpu:.3f} of its CPU a transaction, at most 1")
sys.exit(failed)
PYTHON
}

if [ "${1:-}" = --judge ]; then
	judge "$2"
	exit
fi
if [ "${1:-}" != --inside ]; then
	exec unshare --net --mount -- "$0" --inside "${1:-.build/tests/load}" "${2:-5}" \
		"${3:-4}"
fi
folder=$(realpath "$2")
rounds=$3
seconds=$4
server_cpu=${SERVER_CPU:-0}
client_cpu=${CLIENT_CPU:-1}
connections=${CONNECTIONS:-64}
scratch=$(mktemp -d)
chmod 755 "$scratch"
server=
nginx=
finish() {
	[ -z "$nginx" ] || { kill "$nginx" && wait "$nginx"; } 2>/dev/null || true
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	rm -rf "$scratch"
}
trap finish EXIT

unshare --net sleep infinity &
server=$!
for _ in {1..100}; do
	[ "$(readlink /proc/$server/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break
	sleep 0.02
done
inside() { nsenter --net="/proc/$server/ns/net" -- "$@"; }
ip link add client type veth peer name server netns "$server"
ip addr add 10.99.0.1/16 dev client
ip addr add 10.99.0.2/16 dev client
ip route add local 10.99.16.0/20 dev lo
ip link set lo up
ip link set client up
inside ip addr add 10.99.255.1/16 dev server
inside ip link set lo up
inside ip link set server up
inside ip route add 10.99.16.0/20 via 10.99.0.1

"$folder/origin" --print 8k >"$scratch/8k"
cat >"$scratch/nginx.conf" <<-CONF
	daemon off; master_process off; pid $scratch/pid; error_log stderr crit;
	worker_rlimit_nofile 8192;
	events { worker_connections 4096; }
	http {
		access_log off; root $scratch; open_file_cache max=16;
		server { listen 10.99.255.1:80 backlog=4096; }
		server { listen 10.99.255.1:81; location / { stub_status; } }
	}
CONF
# Not by inside(): that would be a shell's process id, and nginx would outlive it.
nsenter --net="/proc/$server/ns/net" -- taskset -c "$server_cpu" \
	nginx -p "$scratch" -c "$scratch/nginx.conf" &
nginx=$!
requests() {
	python3 -c "import urllib.request as r
print(r.urlopen('http://10.99.255.1:81/').read().split()[9].decode())"
}
for _ in {1..100}; do
	requests >"$scratch/ready" 2>/dev/null && break
	sleep 0.05
done

url=http://10.99.255.1/8k
TIMEFORMAT='%U %S'
timed() {
	{
		time taskset -c "$client_cpu" "$@" >"$scratch/out" 2>"$scratch/err"
	} 2>"$scratch/cpu" || { cat "$scratch/out" "$scratch/err" >&2; exit 1; }
}
run_load() {
	timed "$folder/load" --json --target 10.99.255.1:80 \
		--expect-file "$scratch/8k" --connections "$connections" "$@"
	python3 -c "import json; d = json.load(open('$scratch/out'))
print(d['tps'], d['transactions'] + d['drained_transactions'], d['latency_us']['total']['p50'])"
}
one_load() { run_load --duration "$seconds"; }
one_sources() { run_load --duration "$seconds" --source 10.99.16.1-10.99.31.255; }
one_wrk() {
	timed wrk -t1 -c "$connections" -d "${seconds}s" --latency \
		-H 'Connection: close' $url
	python3 - "$scratch/out" <<-'PYTHON'
		import re, sys
		text = open(sys.argv[1]).read()
		p50 = re.search(r"50%\s+([\d.]+)(us|ms|s)", text)
		scale = {"us": 1, "ms": 1e3, "s": 1e6}[p50[2]]
		print(re.search(r"Requests/sec:\s+([\d.]+)", text)[1],
		      re.search(r"(\d+) requests in", text)[1], float(p50[1]) * scale)
	PYTHON
}
one_ab() {
	timed ab -q -t "$seconds" -n 100000000 -c "$connections" $url
	python3 - "$scratch/out" <<-'PYTHON'
		import re, sys
		text = open(sys.argv[1]).read()
		print(re.search(r"Requests per second:\s+([\d.]+)", text)[1],
		      re.search(r"Complete requests:\s+(\d+)", text)[1],
		      float(re.search(r"50%\s+(\d+)", text)[1]) * 1e3)
	PYTHON
}

for round in $(seq "$rounds"); do
	for tool in load wrk ab sources; do
		before=$(requests)
		read -r tps count p50 < <(one_$tool)
		read -r user system <"$scratch/cpu"
		sleep 0.2
		after=$(requests)
		echo "$round $tool $tps $count $((after - before - 1)) $p50 $user $system"
	done
done | tee "$scratch/rounds" | awk '{ printf "round %d %-8s %9.1f TPS, %7d told, " \
	"%7d seen by nginx, median %6.0f us, CPU %5.2f us each\n", $1, $2, $3, $4, $5, $6, \
	($7 + $8) * 1e6 / $5; fflush() }'

judge "$scratch/rounds"
